#include <csignal>
#include <iostream>

#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"

namespace {

// Of a wrong subcommand CLI11 says only that one is required.
std::string reason(const CLI::App& app, const CLI::ParseError& wrong) {
  auto words = app.remaining(true);
  bool misses_subcommand =
    wrong.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && !words.empty();
  return misses_subcommand ? "'" + words.front() + "' is unknown here" : wrong.what();
}

} // namespace

int main(int argc, char** argv) {
  namespace apps = patio::apps;
  std::signal(SIGPIPE,
              SIG_IGN); // a write says so itself; other signals end the command, but for serve's
  CLI::App app{"Functions across processes: serve them, call them, in C++ and Python alike.",
               "patio"};
  app.footer("Example:\n  patio serve --demo &\n  patio call mul 6 7 --connect 127.0.0.1");
  app.set_version_flag("--version", "patio " PATIO_VERSION);
  app.require_subcommand(1);
  apps::command run;
  apps::add_serve(app, run);
  apps::add_call(app, run);
  apps::add_list(app, run);
  apps::add_ping(app, run);
  apps::add_bench(app, run);
  apps::add_pickle(app, run);
  apps::add_mesh(app, run);
  apps::add_mesh_node(app, run);
  try {
    app.parse(argc, argv);
    return run();
  } catch (const CLI::Success& asked) { // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    std::cerr << "patio: " << apps::displayable(reason(app, wrong))
              << " (`patio --help` and `patio SUBCOMMAND --help` show what is right)\n";
    return apps::usage;
  } catch (const std::exception& e) {
    std::cerr << "patio: " << apps::displayable(e.what()) << '\n';
    return apps::lost;
  }
}
