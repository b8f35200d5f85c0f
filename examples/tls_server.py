"""The Python version of tls_server.cpp, without its access rule: Python patio has no such rules.

Argument: a folder made by make_certificates.sh.
"""
import asyncio
import ssl
import sys

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


asyncio.run(main(sys.argv[1]))
