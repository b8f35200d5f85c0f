#!/bin/sh
# Makes a certificate authority, a certificate for the nodes of this machine, and a certificate for
# each client. Access rules match the name of the client.
#   make_certificates.sh FOLDER [CLIENT...]
# An existing authority in the folder is used again. The holder of authority.key can make
# certificates, so keep this file on a machine without nodes.
set -eu
umask 077
folder=${1:?usage: make_certificates.sh FOLDER [CLIENT...]}
shift
[ $# -gt 0 ] || set -- alice
for client; do
  case $client in
  authority | server | */*) echo "make_certificates.sh: '$client' cannot be the name of a client" >&2; exit 2 ;;
  esac
done
mkdir -p "$folder"
cd "$folder"

cat >extensions.cnf <<'END'
[req]
distinguished_name = nobody
[nobody]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[node]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
END

# make FILE NAME KIND DAYS [SIGNER...]
make() {
  file=$1 name=$2 kind=$3 days=$4
  shift 4
  openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 -days "$days" \
    -config extensions.cnf -extensions "$kind" -subj "/CN=$name" -keyout "$file.key" -out "$file.pem" "$@" 2>errors || { cat errors >&2; exit 1; }
}
[ -f authority.key ] || make authority "Example authority" authority 3650
for client; do make "$client" "$client" client 365 -CA authority.pem -CAkey authority.key; done
make server localhost node 365 -CA authority.pem -CAkey authority.key
rm -f extensions.cnf errors
