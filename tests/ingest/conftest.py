import multiprocessing
import uuid

import boto3
import pytest
from moto.server import ThreadedMotoServer


def serve(pipe):
    """Run an S3 server until the other end of the pipe closes."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    pipe.send(server.get_host_and_port()[1])
    try:
        pipe.recv()
    except EOFError:
        server.stop()


@pytest.fixture(scope="session")
def endpoint():
    """An S3 server on loopback."""
    # A process of its own, because the Delta reader waits for it without letting go of Python's lock.
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{here.recv()}"
    here.close()
    there.close()
    process.join(10)
    process.terminate()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """An empty bucket; the environment knows where it is."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return boto3.resource("s3").create_bucket(Bucket=f"logs-{uuid.uuid4()}")
