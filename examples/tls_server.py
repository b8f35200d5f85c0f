"""tls_server.cpp in Python, without its access rule: Python patio has no rules by client name."""
import argparse
import asyncio
import ssl

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", help="made by make_certificates.sh")
options = parser.parse_args()

# The arguments come first: they need no patio.
from patio import AsyncExecutor, Registry, TCPServerBroker

rpc = Registry(project="test", auto_naming=False)


@rpc("mul")
async def multiply(a, b):
    return a * b


async def main(folder):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder + "/authority.pem")
    context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    async with AsyncExecutor(rpc) as executor:
        async with TCPServerBroker(executor, ssl_context=context) as broker:
            await broker.listen("127.0.0.1", 0)
            server, = broker.servers
            print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
            await broker.join()


asyncio.run(main(options.folder))
