// A service that trusts only its own authority and presents a client certificate. Arguments: a
// folder made by make_certificates.sh, HOST:PORT of the server.
#include <iostream>

#include <patio/patio.hpp>

int main(int, char** argv) {
  std::string folder{argv[1]};
  patio::tls_files files{.authorities = folder + "/authority.pem",
                         .certificate = folder + "/alice.pem",
                         .private_key = folder + "/alice.key"};
  patio::service svc{{.tls_files = files}};
  svc.connect(argv[2]);
  std::cout << "6 times 7 is " << patio::call<std::int64_t>(svc, "mul", 6, 7).get() << '\n';
}
