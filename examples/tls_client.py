"""tls_client.cpp in Python."""
import argparse
import asyncio
import ssl

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", help="made by make_certificates.sh")
parser.add_argument("address", metavar="HOST:PORT")
options = parser.parse_args()

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry, TCPClientBroker


async def main(folder, address):
    context = ssl.create_default_context(cafile=folder + "/authority.pem")
    context.load_cert_chain(folder + "/alice.pem", folder + "/alice.key")
    host, port = address.rsplit(":", 1)
    async with NullExecutor(Registry()) as executor:
        async with TCPClientBroker(executor, ssl_context=context) as broker:
            await broker.connect(host, int(port))
            print("6 times 7 is", await broker.call("mul", 6, 7))


asyncio.run(main(options.folder, options.address))
