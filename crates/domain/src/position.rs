//! The position of a task among its siblings: a text between two other texts, so that a move writes one row.
//!
//! A position is a fraction between 0 and 1, written as the hexadecimal digits after the point, without trailing zeros.
//! (The available library produced equal positions after 128 moves to the front, so we have our own forty lines.)

use std::fmt;

/// A fractional index. Positions compare as bytes, so the database column is `COLLATE "C"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(String);

/// There is no position between these two, or none that is short enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no position at this place")]
pub struct NoRoom;

/// The longest position, in digits.
pub const MAX_DIGITS: usize = 2_000;

/// A position with more digits than these shows that its place is crowded: time to space the rows around it out anew.
pub const CROWDED: usize = 48;

/// How many leading digits count up or down at the ends of a list, so that eight million rows fit on either side of the
/// first before positions get longer.
const COUNTED: u32 = 6;

impl Position {
    /// The position of the first row of a list: in the middle.
    pub fn first() -> Self {
        Self("8".to_owned())
    }

    /// A position after `last`, or the first position of an empty list.
    ///
    /// # Errors
    /// As [`between`](Self::between).
    pub fn after(last: Option<&Self>) -> Result<Self, NoRoom> {
        Self::between(last, None)
    }

    /// A position between two others; `None` means the end of the list.
    ///
    /// # Errors
    /// [`NoRoom`] when a side is not a valid position, `lower` is not before `upper`, or the result would be too long.
    pub fn between(lower: Option<&Self>, upper: Option<&Self>) -> Result<Self, NoRoom> {
        let low = digits(lower)?;
        let high = upper.map(|upper| digits(Some(upper))).transpose()?;
        let made = match (lower, &high) {
            (None, None) => return Ok(Self::first()),
            (Some(_), None) => counted_up(&low).unwrap_or_else(|| middle(&low, None)),
            (None, Some(high)) => counted_down(high).unwrap_or_else(|| middle(&[], Some(high))),
            (Some(_), Some(high)) if low < *high => middle(&low, Some(high)),
            (Some(_), Some(_)) => return Err(NoRoom),
        };
        // Whatever the two sides are, only a position between them may be returned.
        let fits = made > low && high.is_none_or(|high| made < high) && made.len() <= MAX_DIGITS;
        let text = made.iter().filter_map(|digit| char::from_digit(*digit, 16)).collect();
        if fits { Ok(Self(text)) } else { Err(NoRoom) }
    }

    /// This many positions in order between two others, as short as they can be; `None` means the end of the list.
    ///
    /// # Errors
    /// As [`between`](Self::between).
    pub fn spread(lower: Option<&Self>, upper: Option<&Self>, count: usize) -> Result<Vec<Self>, NoRoom> {
        let mut made = Vec::with_capacity(count);
        match (lower, upper) {
            // At an end they count on from the neighbour.
            (_, None) => {
                while made.len() < count {
                    made.push(Self::between(made.last().or(lower), None)?);
                }
            }
            (None, Some(_)) => {
                while made.len() < count {
                    made.push(Self::between(None, made.last().or(upper))?);
                }
                made.reverse();
            }
            (Some(lower), Some(upper)) => halve(lower, upper, count, &mut made)?,
        }
        Ok(made)
    }

    /// Whether it has become so long that the rows around it should be spaced out anew.
    pub fn is_crowded(&self) -> bool {
        self.0.len() > CROWDED
    }

    /// A position read from the database, without checking it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text as stored in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends this many positions between two others: the middle one, and as many on either side of it.
fn halve(lower: &Position, upper: &Position, count: usize, made: &mut Vec<Position>) -> Result<(), NoRoom> {
    if count == 0 {
        return Ok(());
    }
    let middle = Position::between(Some(lower), Some(upper))?;
    halve(lower, &middle, count / 2, made)?;
    made.push(middle.clone());
    halve(&middle, upper, count - count / 2 - 1, made)
}

/// The digits of a position; empty for the beginning of the list.
fn digits(position: Option<&Position>) -> Result<Vec<u32>, NoRoom> {
    position.map_or("", Position::as_str).chars().map(|c| c.to_digit(16).ok_or(NoRoom)).collect()
}

/// The leading digits plus one.
fn counted_up(low: &[u32]) -> Option<Vec<u32>> {
    let next = leading(low) + 1;
    (next < 16_u32.pow(COUNTED)).then(|| trimmed(next))
}

/// The leading digits minus one; there must be room left in front.
fn counted_down(high: &[u32]) -> Option<Vec<u32>> {
    let count = leading(high);
    (count > 1).then(|| trimmed(count - 1))
}

/// The leading digits as a number.
fn leading(digits: &[u32]) -> u32 {
    (0..COUNTED as usize).fold(0, |count, n| count * 16 + digits.get(n).copied().unwrap_or(0))
}

/// A number as leading digits, without trailing zeros.
fn trimmed(count: u32) -> Vec<u32> {
    let mut digits: Vec<u32> = (0..COUNTED).rev().map(|n| (count >> (4 * n)) & 15).collect();
    while digits.last() == Some(&0) {
        digits.pop();
    }
    digits
}

/// The shortest digits between two numbers; `None` as the upper one means 1.
fn middle(low: &[u32], high: Option<&[u32]>) -> Vec<u32> {
    let mut made = Vec::with_capacity(low.len() + 1);
    let mut high = high;
    for n in 0.. {
        let below = low.get(n).copied().unwrap_or(0);
        let above = high.map_or(16, |high| high.get(n).copied().unwrap_or(0));
        if above > below + 1 {
            made.push(below.midpoint(above));
            break;
        }
        made.push(below);
        if above > below {
            // One apart: any digits after this one stay below the upper side.
            high = None;
        }
        if n > MAX_DIGITS {
            break;
        }
    }
    made
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_ordered(list: &[Position]) -> bool {
        list.windows(2).all(|pair| pair[0].as_str().as_bytes() < pair[1].as_str().as_bytes())
    }

    /// Inserts a new position at this index of the list.
    fn insert(list: &mut Vec<Position>, at: usize) {
        let lower = at.checked_sub(1).map(|n| &list[n]);
        let made = Position::between(lower, list.get(at)).expect("both sides come from the list");
        list.insert(at, made);
    }

    #[test]
    fn ten_thousand_rows_at_either_end_stay_short_and_in_order() {
        let mut list = vec![Position::first()];
        for _ in 0..10_000 {
            let end = list.len();
            insert(&mut list, end);
        }
        let mut front = std::collections::VecDeque::from(list);
        for _ in 0..10_000 {
            let made = Position::between(None, front.front()).expect("there is room");
            front.push_front(made);
        }
        let list: Vec<_> = front.into();
        assert!(is_ordered(&list));
        assert!(list.iter().all(|position| position.as_str().len() <= COUNTED as usize));
    }

    #[test]
    fn three_hundred_moves_to_the_front_leave_room_between_neighbours() {
        let mut list = vec![Position::first()];
        for _ in 0..300 {
            insert(&mut list, 0);
        }
        for at in (1..list.len()).rev() {
            insert(&mut list, at);
        }
        assert!(is_ordered(&list));
    }

    #[test]
    fn an_exhausted_gap_is_reported() {
        let (mut lower, upper) = (Position::first(), Position::after(Some(&Position::first())).expect("there is room"));
        let mut made = 0;
        while let Ok(next) = Position::between(Some(&lower), Some(&upper)) {
            assert!(lower < next && next < upper && next.as_str().len() <= MAX_DIGITS);
            (lower, made) = (next, made + 1);
        }
        assert!(made > 5_000, "{made}");
        assert_eq!(Position::between(Some(&upper), Some(&lower)), Err(NoRoom));
        assert_eq!(Position::between(Some(&Position::from_stored("zz".into())), None), Err(NoRoom));
    }

    #[test]
    fn many_positions_between_two_are_short() {
        let lower = Position::first();
        let upper = Position::after(Some(&lower)).expect("there is room");
        for count in [0, 1, 2, 3, 1_000] {
            let made = Position::spread(Some(&lower), Some(&upper), count).expect("there is room");
            assert_eq!(made.len(), count);
            let mut all = vec![lower.clone()];
            all.extend(made);
            all.push(upper.clone());
            assert!(is_ordered(&all));
            assert!(all.iter().all(|position| position.as_str().len() <= COUNTED as usize + 4));
        }
        for (lower, upper) in [(None, None), (Some(&lower), None), (None, Some(&lower))] {
            let made = Position::spread(lower, upper, 1_000).expect("there is room");
            assert!(is_ordered(&made) && made.len() == 1_000);
            assert!(lower.is_none_or(|lower| *lower < made[0]) && upper.is_none_or(|upper| made[999] < *upper));
        }
        assert_eq!(Position::spread(Some(&upper), Some(&lower), 2), Err(NoRoom));
    }

    proptest! {
        #[test]
        fn a_position_fits_between_any_two_neighbours(choices in prop::collection::vec(0_usize..1000, 1..300)) {
            let mut list = vec![Position::first()];
            for choice in choices {
                let at = choice % (list.len() + 1);
                insert(&mut list, at);
            }
            prop_assert!(is_ordered(&list));
        }
    }
}
