// A getaddrinfo(3) for tests, loaded with LD_PRELOAD into the program under test. The file that
// PATIO_TEST_HOSTS names has lines of a name and one address; a name may have several lines, and
// their order is the resolver's. The address "never" makes the resolver block. Other names go to
// the system's resolver.
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

std::vector<std::string> addresses_of(const std::string& name) {
  const char* path = std::getenv("PATIO_TEST_HOSTS");
  std::vector<std::string> all;
  std::ifstream hosts{path ? path : ""};
  for (std::string known, address; hosts >> known >> address;)
    if (known == name) all.push_back(address);
  return all;
}

} // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  auto system = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  auto addresses = addresses_of(node ? node : "");
  bool must_be_numeric = hints && (hints->ai_flags & AI_NUMERICHOST) != 0;
  if (addresses.empty() || must_be_numeric) return system(node, service, hints, found);
  *found = nullptr;
  for (auto** end = found; const auto& address : addresses) {
    while (address == "never") ::pause();
    if (int code = system(address.c_str(), service, hints, end); code != 0) return code;
    while (*end) end = &(*end)->ai_next;
  }
  return 0;
}
