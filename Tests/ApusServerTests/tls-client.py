"""TLS seen from outside: tls-client.py make DIR writes a certificate and its key for 127.0.0.1 and apus.test;
tls-client.py ask DIR PORT TOKEN HOST PATH prints the status of a GET; tls-client.py sit DIR PORT TOKEN PATH the first
message of a WebSocket."""
import asyncio
import datetime
import http.client
import ipaddress
import os
import ssl
import sys


def make(directory):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "apus.test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("apus.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256()))
    with open(f"{directory}/cert.pem", "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(os.open(f"{directory}/key.pem", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))


def ask(directory, port, token, host, path):
    context = ssl.create_default_context(cafile=f"{directory}/cert.pem")
    connection = http.client.HTTPSConnection("127.0.0.1", int(port), context=context, timeout=20)
    connection.request("GET", path, headers={"Host": host, "Authorization": f"Bearer {token}"})
    print(connection.getresponse().status)


def sit(directory, port, token, path):
    from websockets.asyncio.client import connect

    async def first():
        context = ssl.create_default_context(cafile=f"{directory}/cert.pem")
        async with connect(f"wss://127.0.0.1:{port}{path}", ssl=context, compression=None, proxy=None,
                           additional_headers={"Authorization": f"Bearer {token}"}) as socket:
            print(await socket.recv())
            await socket.send(b"echo $((40+2))\r")
            seen = b""
            while b"42" not in seen:
                message = await socket.recv()
                seen += message if isinstance(message, bytes) else b""
            print("seen")

    asyncio.run(first())


{"make": make, "ask": ask, "sit": sit}[sys.argv[1]](*sys.argv[2:])
