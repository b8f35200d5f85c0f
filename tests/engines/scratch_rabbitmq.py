"""A RabbitMQ server for one test: rabbitmq.sh starts it on a free loopback port and ends it."""
import contextlib
import pathlib
import subprocess
import sys


class Rabbit:
    def __init__(self, config):
        script = pathlib.Path(__file__).resolve().parent / "rabbitmq.sh"
        self.process = subprocess.Popen(["sh", str(script), *config], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if words[:1] == ["skipped:"]:
            print(*words)
            sys.exit(77)
        assert words[:1] == ["ready"], words
        self.port, self.pid, self.folder = int(words[1]), int(words[2]), pathlib.Path(words[3])
        self.tls_port = int(words[4])
        self.url = f"amqp://127.0.0.1:{self.port}/"


@contextlib.contextmanager
def scratch_rabbitmq(*config):
    rabbit = Rabbit(config)
    try:
        yield rabbit
    finally:
        rabbit.process.stdin.close()
        rabbit.process.wait(60)
