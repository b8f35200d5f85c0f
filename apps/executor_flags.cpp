#include "executor_flags.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include <patio/actors/pool/process_pool.hpp>
#include <patio/value/repr.hpp>

namespace patio::apps {
namespace {

constexpr std::size_t max_workers = 1024;

std::optional<executor_kind> parse_kind(std::string_view text) {
  using named_kind = std::pair<std::string_view, executor_kind>;
  constexpr std::array kinds{
    named_kind{"async", executor_kind::async}, named_kind{"thread", executor_kind::thread},
    named_kind{"process", executor_kind::process}, named_kind{"null", executor_kind::null}};
  auto at = std::ranges::find(kinds, text, &named_kind::first);
  if (at == kinds.end()) return {};
  return at->second;
}

std::optional<std::size_t> parse_workers(std::string_view text) {
  std::size_t n = 0;
  auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (why != std::errc{} || end != text.data() + text.size() || n < 1 || n > max_workers) return {};
  return n;
}

/// Parses NAME=KIND:N.
result<executor_plan::named_executor> parse_named(const std::string& text) {
  auto refuse = [&](const std::string& why) {
    return fail(errc::invalid, "--executor " + patio::quoted(text) + ": " + why);
  };
  auto equals = text.find('='), colon = text.rfind(':');
  if (equals == 0) return refuse("the name before = is missing");
  if (colon == std::string::npos || colon < equals)
    return refuse("the number of workers is missing: NAME=KIND:N, for example heavy=thread:2");
  auto kind = parse_kind(std::string_view{text}.substr(equals + 1, colon - equals - 1));
  if (!kind || *kind == executor_kind::null)
    return refuse("the kind of a named executor is async, thread or process");
  auto workers = parse_workers(std::string_view{text}.substr(colon + 1));
  if (!workers)
    return refuse("the number of workers must be from 1 to " + std::to_string(max_workers));
  return executor_plan::named_executor{text.substr(0, equals), *kind, *workers};
}

result<void> add_executor(executor_plan& plan, const std::string& text, bool& has_default) {
  if (text.find('=') == std::string::npos) {
    auto kind = parse_kind(text);
    if (!kind)
      return fail(errc::invalid,
                  "--executor: the default executor is async, thread, process or null, not "
                    + patio::quoted(text) + "; a further executor is NAME=KIND:N");
    if (std::exchange(has_default, true))
      return fail(errc::invalid, "--executor: only one default executor can be chosen; a further "
                                 "executor is NAME=KIND:N");
    plan.default_kind = *kind;
    return {};
  }
  auto named = parse_named(text);
  if (!named) return tl::unexpected(std::move(named.error()));
  if (std::ranges::find(plan.named, named->name, &executor_plan::named_executor::name)
      != plan.named.end())
    return fail(errc::invalid,
                "--executor: there are two executors of the name " + patio::quoted(named->name));
  plan.named.push_back(std::move(*named));
  return {};
}

executor spawn_executor(caf::actor_system& sys, const registry& functions, executor_kind kind,
                        const process_pool_options& processes) {
  pool_options options{.workers = processes.workers,
                       .queue_per_worker = processes.queue_per_worker};
  switch (kind) {
  case executor_kind::null: return null_executor(functions);
  case executor_kind::thread: return spawn_thread_pool(sys, functions, options);
  case executor_kind::process: return spawn_process_pool(sys, functions, processes);
  case executor_kind::async: break;
  }
  return spawn_async_pool(sys, functions, options);
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

} // namespace

void executor_flags::add(CLI::App& app) {
  app
    .add_option("--executor", executors,
                "where functions run: async (on CAF's scheduler, the default), thread (each worker "
                "in a thread of its own), process (each worker in a process of its own) or null "
                "(nowhere). NAME=KIND:N adds an executor of N workers for the functions that name "
                "it; may be repeated")
    ->type_name("KIND|NAME=KIND:N");
  app
    .add_option("--run", run,
                "run this function in the executor of this name instead of the default executor; "
                "may be repeated")
    ->type_name("FUNCTION=NAME");
  app
    .add_option("--workers", workers,
                "maximum number of functions that run at the same time in the default executor")
    ->check(CLI::Range(1, static_cast<int>(max_workers)))
    ->capture_default_str();
}

std::optional<std::string> executor_plan::process_executor() const {
  if (default_kind == executor_kind::process) return "";
  auto at = std::ranges::find(named, executor_kind::process, &named_executor::kind);
  if (at == named.end()) return {};
  return at->name;
}

bool executor_plan::has_only_processes() const {
  return default_kind == executor_kind::process
         && std::ranges::all_of(
           named, [](executor_kind kind) { return kind == executor_kind::process; },
           &named_executor::kind);
}

bool executor_plan::has_processes(const std::string& name) const {
  if (name.empty()) return default_kind == executor_kind::process;
  auto at = std::ranges::find(named, name, &named_executor::name);
  return at != named.end() && at->kind == executor_kind::process;
}

result<executor_plan> parse_executors(const executor_flags& flags) {
  executor_plan plan{.default_workers = flags.workers};
  bool has_default = false;
  for (const auto& text : flags.executors)
    if (auto ok = add_executor(plan, text, has_default); !ok)
      return tl::unexpected(std::move(ok.error()));
  if (plan.default_kind == executor_kind::null && !(plan.named.empty() && flags.run.empty()))
    return fail(errc::invalid, "--executor null serves no functions, so it cannot be combined with "
                               "a named executor or with --run");
  for (const auto& text : flags.run) {
    auto equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return fail(errc::invalid, "--run takes FUNCTION=NAME, not " + patio::quoted(text));
    plan.run.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return plan;
}

result<executors> spawn_executors(caf::actor_system& sys, registry functions,
                                  const executor_plan& plan, const limits& l,
                                  std::shared_ptr<replaceable_inputs> inputs) {
  for (const auto& [function, name] : plan.run) {
    if (!functions.find(function))
      return fail(errc::invalid, "--run: there is no function " + patio::quoted(function)
                                   + "; the functions are: " + listed(functions.names()));
    functions.set_executor(function, name);
  }
  auto spawn = [&](executor_kind kind, std::size_t workers) {
    return spawn_executor(
      sys, functions, kind,
      {.workers = workers, .queue_per_worker = l.queue_per_worker, .inputs = inputs});
  };
  std::map<std::string, executor> named;
  for (const auto& each : plan.named) named.emplace(each.name, spawn(each.kind, each.workers));
  executors all{spawn(plan.default_kind, plan.default_workers), std::move(named)};
  if (auto ok = all.check(); !ok) return tl::unexpected(std::move(ok.error()));
  return all;
}

} // namespace patio::apps
