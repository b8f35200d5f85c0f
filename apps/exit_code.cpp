#include "exit_code.hpp"

#include <iostream>

#include "output.hpp"

namespace patio::apps {
namespace {

bool is_about_certificates(const error& why) {
  return why.code == errc::login_refused && why.message.find("certificate") != std::string::npos;
}

const char* advice(const error& why) {
  if (is_about_certificates(why))
    return "--tls-ca says whom to believe, --tls-name whom to expect, --tls-cert and --tls-key "
           "what to show";
  switch (why.code) {
  case errc::connect_failed: return "is the address right, and is the peer running?";
  case errc::login_refused:
    return "is PATIO_KEY the same on both sides, and --tls given on both or neither?";
  case errc::no_route: return "`patio list --connect HOST:PORT` shows what is served";
  case errc::timeout: return "--timeout SECONDS allows more time; the function may still have run";
  case errc::not_sent: return "the call did not leave: it is safe to repeat";
  case errc::maybe_executed: return "the function may have run: repeat only if that does no harm";
  case errc::overloaded: return "try again later";
  default: return nullptr;
  }
}

} // namespace

exit_code exit_code_of(errc code) noexcept {
  switch (code) {
  case errc::remote_error: return raised;
  case errc::invalid: return usage;
  case errc::connect_failed:
  case errc::login_refused: return not_connected;
  case errc::timeout: return timed_out;
  case errc::no_route: return nobody;
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
  std::cerr << "patio: "
            << displayable(to_string(why)); // a peer's words must not steer the terminal
  if (const auto* next = advice(why)) std::cerr << " (" << next << ")";
  std::cerr << '\n';
  return exit_code_of(why.code);
}

} // namespace patio::apps
