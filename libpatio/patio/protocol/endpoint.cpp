#include <patio/protocol/endpoint.hpp>

#include <openssl/x509v3.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace patio {
namespace {

using namespace std::string_view_literals;

bool fits_in_host(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != '\x7f'
         && "/@[]"sv.find(c) == std::string_view::npos;
}

/// A rough check that tells an IPv6 address from a host with two ports. The resolver does the exact
/// check. The text after a % names a network interface.
bool looks_like_ipv6(std::string_view host) {
  auto address = host.substr(0, host.find('%'));
  if (address.find_first_not_of("0123456789abcdefABCDEF:."sv) != std::string_view::npos)
    return false;
  bool ends_in_ipv4 = address.find('.') != std::string_view::npos;
  if (address.find('.') < address.rfind(':')) return false;
  return address.find("::"sv) != std::string_view::npos
         || std::count(address.begin(), address.end(), ':') == (ends_in_ipv4 ? 6 : 7);
}

} // namespace

result<endpoint> parse_endpoint(std::string_view text) {
  auto wrong = [&](const char* why) {
    return fail(errc::invalid, "'" + std::string{text} + "' is not an endpoint: " + why
                                 + "; write HOST:PORT or [IPV6]:PORT, for example 127.0.0.1:15383");
  };
  endpoint e;
  std::string_view port;
  if (text.starts_with('[')) {
    auto close = text.find(']');
    if (close == std::string_view::npos) return wrong("the ] is missing");
    e.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return wrong("only :PORT may follow the ]");
    if (port == ":") return wrong("the port is missing");
    if (!port.empty()) port.remove_prefix(1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    auto colon = text.find(':');
    e.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return wrong("the port is missing");
  } else {
    e.host = text; // a host without a port; if it has colons, an IPv6 address without brackets
  }
  if (e.host.empty()) return wrong("the host is missing");
  if (!std::all_of(e.host.begin(), e.host.end(), fits_in_host))
    return wrong("the host has a character that a host name cannot have");
  if (e.host.find(':') != std::string::npos && !looks_like_ipv6(e.host))
    return wrong("it has several colons but is not an IPv6 address");
  if (port.empty()) return e;
  auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), e.port);
  if (ec != std::errc{} || end != port.data() + port.size())
    return wrong("the port is not a number from 0 to 65535");
  return e;
}

std::string network_of(std::string_view address) {
  std::string host{address.substr(0, address.rfind(':'))};
  if (!host.starts_with('[')) return host;
  auto numeric = host.substr(1, host.find_first_of("%]") - 1);
  auto free = [](ASN1_OCTET_STRING* s) { ASN1_OCTET_STRING_free(s); };
  std::unique_ptr<ASN1_OCTET_STRING, decltype(free)> bytes{a2i_IPADDRESS(numeric.c_str()), free};
  if (!bytes || ASN1_STRING_length(bytes.get()) != 16) return host;
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(bytes.get())), 8};
}

std::string to_string(const endpoint& e) {
  bool ipv6 = e.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + e.host + "]" : e.host) + ":" + std::to_string(e.port);
}

} // namespace patio
