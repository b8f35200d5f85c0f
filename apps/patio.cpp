#include <new>
#include <sstream>

#include <patio/actors/pool/process_pool.hpp>
#include <patio/version.hpp>

#include "command_line.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "modules.hpp"
#include "output.hpp"
#include "standard_streams.hpp"

namespace {

std::string reason(const CLI::App& app, const CLI::ParseError& wrong) {
  auto words = app.remaining(true);
  auto is = [&](CLI::ExitCodes code) { return wrong.get_exit_code() == static_cast<int>(code); };
  // CLI11 reports an unknown subcommand only as a missing one.
  if (is(CLI::ExitCodes::RequiredError) && !words.empty())
    return "'" + words.front() + "' is not a known subcommand or option";
  if (is(CLI::ExitCodes::ExtrasError) && !words.empty() && words.front().starts_with('-'))
    return wrong.what() + std::string{"; an argument that begins with - goes after --"};
  return wrong.what();
}

void add_subcommands(CLI::App& app, patio::apps::command& run) {
  namespace apps = patio::apps;
  apps::add_serve(app, run);
  apps::add_call(app, run);
  apps::add_list(app, run);
  apps::add_ping(app, run);
  apps::add_bench(app, run);
  apps::add_pickle(app, run);
  apps::add_mesh(app, run);
  apps::add_new_module(app, run);
  apps::add_mesh_node(app, run);
}

} // namespace

int main(int argc, char** argv) {
  namespace apps = patio::apps;
  patio::run_if_worker(argc, argv, [&] { // --executor process, and modules that are tried out
    return apps::worker_functions({argv + 2, argv + argc});
  });
  apps::prepare_process();
  CLI::App app{"Serve functions to C++ and Python processes, and call functions of such processes.",
               "patio"};
  app.footer("Example:\n  patio serve --demo &\n  patio call mul 6 7 --connect 127.0.0.1");
  app.set_version_flag("--version", "patio " PATIO_VERSION);
  app.require_subcommand(1);
  apps::command run;
  add_subcommands(app, run);
  try {
    apps::parse_command_line(app, argc, argv);
    return run();
  } catch (const CLI::Success& asked) { // --help, --version
    std::ostringstream text;
    (void)app.exit(asked, text, text);
    return apps::print_text(text.str());
  } catch (const CLI::ParseError& wrong) {
    apps::print_error(
      apps::displayable(reason(app, wrong))
      + " (`patio --help` lists the subcommands, `patio SUBCOMMAND --help` lists the options)");
    return apps::usage;
  } catch (const std::bad_alloc&) {
    apps::print_error("out of memory");
    return apps::lost;
  } catch (const std::exception& e) {
    apps::print_error(apps::displayable(e.what()));
    return apps::lost;
  }
}
