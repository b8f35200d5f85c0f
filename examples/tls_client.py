"""The Python version of tls_client.cpp.

Arguments: a folder made by make_certificates.sh, HOST:PORT of the server.
"""
import asyncio
import ssl
import sys

from patio import NullExecutor, Registry, TCPClientBroker


async def main(folder, address):
    context = ssl.create_default_context(cafile=folder + "/authority.pem")
    context.load_cert_chain(folder + "/alice.pem", folder + "/alice.key")
    host, port = address.rsplit(":", 1)
    async with NullExecutor(Registry()) as executor:
        async with TCPClientBroker(executor, ssl_context=context) as broker:
            await broker.connect(host, int(port))
            print("6 times 7 is", await broker.call("mul", 6, 7))


asyncio.run(main(*sys.argv[1:]))
