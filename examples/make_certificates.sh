#!/bin/sh
# Makes an authority, a certificate for nodes of this machine, and a certificate for each client.
# A node's access rules know a client by the name given here.
#   sh examples/make_certificates.sh FOLDER [CLIENT...]
# An authority that is already in the folder is used again. Whoever has authority.key can make
# certificates: keep the file on a machine where no node runs.
set -eu
usage='usage: make_certificates.sh FOLDER [CLIENT...]'
case ${1:-} in -*) echo "make_certificates.sh: unknown flag '$1'; $usage" >&2; exit 2 ;; esac
folder=${1:?$usage}
shift
umask 077
[ $# -gt 0 ] || set -- alice
for client; do
  case $client in
  authority | server | -* | */*)
    echo "make_certificates.sh: a client cannot be called '$client'; $usage" >&2
    exit 2
    ;;
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
    -config extensions.cnf -extensions "$kind" -subj "/CN=$name" -keyout "$file.key" \
    -out "$file.pem" "$@" 2>errors || { cat errors >&2; exit 1; }
}
[ -f authority.key ] || make authority "Example authority" authority 3650
for client; do make "$client" "$client" client 365 -CA authority.pem -CAkey authority.key; done
make server localhost node 365 -CA authority.pem -CAkey authority.key
rm -f extensions.cnf errors
