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

bool is_number(std::string_view text) {
  if (text.starts_with("0x"sv) || text.starts_with("0X"sv))
    return text.find_first_not_of("0123456789abcdefABCDEF"sv, 2) == std::string_view::npos;
  return !text.empty() && text.find_first_not_of("0123456789"sv) == std::string_view::npos;
}

/// True for four decimal numbers from 0 to 255 without leading zeros.
bool is_ipv4(std::string_view host) {
  for (int part = 1; part <= 4; ++part) {
    auto dot = host.find('.');
    auto text = host.substr(0, dot);
    unsigned number = 256;
    auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc{} || end != text.data() + text.size() || number > 255) return false;
    if (text.size() > 1 && text.front() == '0') return false;
    if ((dot == std::string_view::npos) != (part == 4)) return false;
    host.remove_prefix(dot == std::string_view::npos ? host.size() : dot + 1);
  }
  return true;
}

/// Resolvers read "127.1", "0x7f.1", "15383" and "127.0.0.010" as IPv4 addresses of an old form,
/// which nobody means. A host name does not end in a number.
bool ends_in_number(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return is_number(host.substr(host.rfind('.') + 1));
}

/// Returns what is wrong with a host, or nothing if it is right.
const char* host_fault(std::string_view host, bool in_brackets) {
  if (host.empty()) return "the host is missing";
  if (!std::all_of(host.begin(), host.end(), fits_in_host))
    return "the host has a character that a host name cannot have";
  bool has_colon = host.find(':') != std::string_view::npos;
  if (has_colon && !looks_like_ipv6(host))
    return "it has several colons but is not an IPv6 address";
  if (has_colon) return nullptr;
  if (in_brackets) return "only an IPv6 address may stand in brackets";
  if (host.find('.') == std::string_view::npos && is_number(host))
    return "a number alone is not a host, and a port follows a host and a colon";
  if (ends_in_number(host) && !is_ipv4(host))
    return "an IPv4 address has four decimal numbers from 0 to 255, without leading zeros";
  return nullptr;
}

} // namespace

tl::expected<endpoint, const char*> read_endpoint(std::string_view text, std::uint16_t port) {
  auto wrong = [](const char* why) { return tl::unexpected<const char*>(why); };
  endpoint e;
  e.port = port;
  std::string_view digits;
  if (text.starts_with('[')) {
    auto close = text.find(']');
    if (close == std::string_view::npos) return wrong("the ] is missing");
    e.host = text.substr(1, close - 1);
    digits = text.substr(close + 1);
    if (!digits.empty() && digits.front() != ':') return wrong("only :PORT may follow the ]");
    if (digits == ":") return wrong("the port is missing");
    if (!digits.empty()) digits.remove_prefix(1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    auto colon = text.find(':');
    e.host = text.substr(0, colon);
    digits = text.substr(colon + 1);
    if (digits.empty()) return wrong("the port is missing");
  } else {
    e.host = text; // a host without a port; if it has colons, an IPv6 address without brackets
  }
  if (const auto* fault = host_fault(e.host, text.starts_with('['))) return wrong(fault);
  if (digits.empty()) return e;
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), e.port);
  if (ec != std::errc{} || end != digits.data() + digits.size())
    return wrong("the port is not a number from 0 to 65535");
  return e;
}

result<endpoint> parse_endpoint(std::string_view text) {
  auto e = read_endpoint(text, default_port);
  if (e) return std::move(*e);
  return fail(errc::invalid, "'" + std::string{text} + "' is not an endpoint: " + e.error()
                               + "; write HOST:PORT or [IPV6]:PORT, for example 127.0.0.1:15383");
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
