//! Ed25519 points that must never be keys: those whose order divides eight. With such a key anyone can make signatures
//! that verify for one message in a few, because the key drops out of the equation. The list is from Chalkias, Garillot
//! and Nikolaenko, "Taming the many `EdDSAs`", 2020, table 1.

/// The y coordinates of those points, little-endian, including the encodings that are not reduced.
const SMALL_ORDER: [[u8; 32]; 7] = [
    // y = 0, of order 4.
    [0; 32],
    // y = 1, of order 1.
    number(1, 0, 0),
    // Both of order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    // y = -1, of order 2; then p and p + 1, which are encodings of 0 and 1.
    number(0xec, 0xff, 0x7f),
    number(0xed, 0xff, 0x7f),
    number(0xee, 0xff, 0x7f),
];

/// A number of 32 bytes: the first byte, the bytes in between, and the last byte.
const fn number(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut number = [between; 32];
    number[0] = first;
    number[31] = last;
    number
}

/// Whether a point is one of those. The highest bit, the sign of x, is ignored.
pub(crate) fn has_small_order(point: &[u8]) -> bool {
    let Ok(mut y) = <[u8; 32]>::try_from(point) else { return false };
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    #[test]
    fn points_of_small_order_are_refused_as_keys() {
        for mut point in SMALL_ORDER {
            assert!(Key::ed25519(None, &point).is_err(), "{point:x?}");
            point[31] |= 0x80;
            assert!(Key::ed25519(None, &point).is_err(), "{point:x?}");
        }
        // The base point has the full group order.
        assert!(Key::ed25519(None, &number(0x58, 0x66, 0x66)).is_ok());
    }
}
