#include "exit_code.hpp"

#include <algorithm>

#include <patio/value/repr.hpp>

#include "output.hpp"
#include "standard_streams.hpp"

namespace patio::apps {
namespace {

/// Returns the advice for the cases in which the code does not tell what to mend, or null.
const char* advice(remedy mend) {
  switch (mend) {
  case remedy::certificates:
    return "--tls-ca names the authorities to trust, --tls-name the name to expect, --tls-cert and "
           "--tls-key the certificate to present";
  case remedy::tls: return "do both sides use TLS? The other side's log says more";
  case remedy::protection:
    return "set PATIO_KEY, --key-file, --peer-key or --tls-ca, or allow this with "
           "--insecure-listen-to-all";
  case remedy::repetition: return "the call was not executed, so it is safe to repeat";
  case remedy::login:
  case remedy::none: return nullptr; // the code has its own advice
  }
  return nullptr;
}

bool is_about_broker = false;

/// Returns the advice that differs from the advice about direct peers, or null.
const char* broker_advice(errc code) {
  switch (code) {
  case errc::connect_failed: return "is the URL right, and is the server running?";
  case errc::login_refused:
    return "is this the server's URL, with the right user, password, and database or virtual host? "
           "PATIO_BROKER_URL or --broker-file has a URL with a password";
  case errc::no_route:
    return "a server of the function declares its queue: has one been started at this virtual "
           "host?";
  default: return nullptr;
  }
}

const char* advice(const error& why) {
  if (const auto* special = advice(why.remedy)) return special;
  const auto* about_broker = is_about_broker ? broker_advice(why.code) : nullptr;
  if (about_broker) return about_broker;
  switch (why.code) {
  case errc::connect_failed: return "is the address right, and is the peer running?";
  case errc::login_refused:
    return "is PATIO_KEY the same on both sides, and is --tls given on both or on neither?";
  case errc::no_route:
    return "`patio list --connect HOST:PORT` shows the functions that a peer serves";
  case errc::timeout:
    return "--timeout SECONDS allows more time; the function may have run or may still run";
  case errc::not_sent: return "the call was not sent, so it is safe to repeat";
  case errc::maybe_executed:
    return "the function may have run: repeat the call only if a second run does no harm";
  case errc::overloaded: return "try again later";
  default: return nullptr;
  }
}

/// Returns the notes of an exception (PEP 678), which Python prints below it: each line begins with
/// a newline.
std::string notes(const value& exception) {
  std::string lines;
  if (exception.kind() != kind::exception) return lines;
  for (const auto& note : exception.exception_notes()) {
    auto text = to_str(note);
    for (std::size_t begin = 0; begin <= text.size();) {
      auto end = std::min(text.find('\n', begin), text.size());
      lines += "\n  " + displayable(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return lines;
}

} // namespace

void advise_about_broker() noexcept { is_about_broker = true; }

exit_code exit_code_of(errc code) noexcept {
  switch (code) {
  case errc::remote_error: return raised;
  case errc::invalid: return usage;
  case errc::connect_failed:
  case errc::login_refused: return not_connected;
  case errc::timeout: return timed_out;
  case errc::no_route: return not_served;
  case errc::undecodable: return refused;
  case errc::cancelled:
  case errc::not_sent:
  case errc::maybe_executed:
  case errc::overloaded:
  case errc::shut_down:
  case errc::protocol: return lost;
  }
  return lost;
}

int report(const error& why) {
  // The text may come from a peer and must not control the terminal.
  auto lines = displayable(to_string(why));
  if (const auto* next = advice(why)) lines.append(" (").append(next).append(")");
  if (why.code == errc::remote_error) lines += notes(why.exception);
  print_error(lines);
  return exit_code_of(why.code);
}

} // namespace patio::apps
