"""Makes the bucket `files` in the S3 storage at the first argument, and tells nothing unless it fails."""

import sys

import boto3

client = boto3.client(
    "s3",
    endpoint_url=sys.argv[1],
    aws_access_key_id="key",
    aws_secret_access_key="secret",
    region_name="us-east-1",
)
client.create_bucket(Bucket="files")
