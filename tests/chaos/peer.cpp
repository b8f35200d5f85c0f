#include "peer.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <iostream>

#include <patio/actors/caf/system.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/actors/os/signals.hpp>

namespace patio::chaos {

void say(const std::string& line) {
  auto text = line + "\n";
  (void)!::write(STDOUT_FILENO, text.data(), text.size());
}

} // namespace patio::chaos

int main(int argc, char** argv) {
  using namespace patio;
  block_signals();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  set_log_level(log_level::error); // lost connections are expected here
  std::vector<std::string> words{argv + 1, argv + argc};
  if (words.size() == 2 && words[0] == "server") return chaos::run_server(words[1] == "careful");
  if (words.size() == 7 && words[0] == "client")
    return chaos::run_client({{words[1], static_cast<std::uint16_t>(std::stoi(words[2]))},
                              std::stoll(words[3]),
                              std::stod(words[4]),
                              std::stoull(words[5]),
                              words[6] == "careful"});
  std::cerr << "usage: see peer.hpp\n";
  return 2;
}
