#include "redis/redis_world.hpp"

#include <algorithm>

using namespace patio::redis;
using patio::instant;

patio::registry redis_functions() {
  patio::registry r{{.project = "t"}};
  r.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  r.add("fail", [](const std::string& text) -> std::int64_t {
    throw patio::python_error{"ValueError", {text}};
  });
  r.add("echo", [](patio::args all, patio::kwargs) { return patio::value::tuple(std::move(all)); });
  return r;
}

redis_world::number redis_world::add(const patio::registry& functions, std::size_t workers,
                                     tuning t) {
  settings s{.project = "t", .tuning = t, .seed = nodes.size()};
  s.url = patio::parse_broker_url("redis://h").value();
  s.new_id = [this] {
    auto number = std::to_string(++last_id_);
    return uuid_text(std::string(16 - number.size(), '0') + number);
  };
  nodes.push_back(std::make_unique<redis_participant>(
    std::move(s), functions,
    std::vector<serving_group>{{functions.names(), functions.size() > 0 ? workers : 0}}));
  nodes.back()->node.tick(now);
  return nodes.size() - 1;
}

std::uint64_t redis_world::call(number n, const std::string& function,
                                std::vector<patio::value> args, patio::value timeout) {
  auto token = ++last_token_;
  numbers_[token] =
    at(n).node.call(token, {function, {std::move(args), {}}, std::move(timeout)}, now);
  return token;
}

void redis_world::cancel(number n, std::uint64_t token) {
  at(n).node.cancel(numbers_.at(token), now);
}

namespace {

struct event_handler {
  redis_participant& p;
  redis_world& world;

  void operator()(const dial_link& e) {
    if (!p.can_dial)
      return p.node.closed(e.link, {patio::errc::connect_failed, "no", {}}, world.now);
    p.wires[e.link] = {world.redis.connect()};
    p.node.opened(e.link, world.now);
  }
  void operator()(const end_link& e) {
    world.redis.disconnect(p.wires[e.link].client);
    p.wires.erase(e.link);
  }
  void operator()(const connection_news& e) { p.news.push_back(e); }
  void operator()(call_finished& e) {
    ++p.ends[e.token];
    p.ended.insert_or_assign(e.token, std::move(e.outcome));
  }
  void operator()(execute_task& e) { p.to_run.push_back(std::move(e)); }
  void operator()(names_listed& e) { p.lists.push_back(std::move(e)); }
  void operator()(pong& e) { p.pongs.push_back(std::move(e)); }
  void operator()(log_line& e) { p.log.push_back(std::move(e)); }
};

} // namespace

void redis_world::collect(redis_participant& p) {
  events all;
  for (p.node.take_events(all); !all.empty(); p.node.take_events(all)) {
    for (auto& e : all) std::visit(event_handler{p, *this}, e);
    all.clear();
  }
}

void redis_world::handle_events(number n) {
  auto& p = at(n);
  collect(p);
  std::vector<link_number> links;
  p.node.links(links);
  for (auto link : links) {
    std::string out;
    for (p.node.take_output(link, out, now); !out.empty(); p.node.take_output(link, out, now)) {
      p.largest_output = std::max(p.largest_output, out.size());
      if (auto wire = p.wires.find(link); wire != p.wires.end()) wire->second.to_server += out;
      out.clear();
    }
  }
}

bool redis_world::move_bytes(number n, std::size_t max) {
  auto& p = at(n);
  std::vector<link_number> links;
  bool moved = false;
  for (auto& [link, wire] : p.wires) links.push_back(link);
  for (auto link : links) {
    auto at_link = p.wires.find(link);
    if (at_link == p.wires.end()) continue;
    auto& wire = at_link->second;
    auto to_server = wire.to_server.substr(0, max);
    wire.to_server.erase(0, to_server.size());
    redis.receive(wire.client, to_server, now);
    wire.to_node += redis.take_output(wire.client);
    auto to_node = wire.to_node.substr(0, max);
    wire.to_node.erase(0, to_node.size());
    bool is_over = !redis.is_connected(wire.client) && to_node.empty();
    if (to_server.empty() && to_node.empty() && !is_over) continue;
    moved = true;
    if (is_over) {
      p.wires.erase(at_link);
      p.node.closed(link, {patio::errc::connect_failed, "the server closed", {}}, now);
    } else if (!to_node.empty()) {
      p.node.receive(link, to_node, now);
    }
    handle_events(n);
  }
  return moved;
}

void redis_world::settle() {
  for (bool moved = true; moved;) {
    moved = false;
    for (number n = 0; n < nodes.size(); ++n) {
      if (!nodes[n]) continue;
      handle_events(n);
      while (move_bytes(n, std::string::npos)) moved = true;
    }
  }
}

void redis_world::tick() {
  redis.tick(now);
  for (auto& p : nodes)
    if (p) p->node.tick(now);
}

void redis_world::advance(std::chrono::nanoseconds d) {
  auto end = now + d;
  while (now < end) {
    now = std::min(end, now + std::max<instant>(d / 20, std::chrono::milliseconds{10}));
    tick();
    settle();
  }
}

void redis_world::run_one(number n) {
  auto& p = at(n);
  if (p.to_run.empty()) return;
  auto task = std::move(p.to_run.front());
  p.to_run.pop_front();
  auto r = std::get<patio::immediate_function>(task.entry->run)(std::move(task.args));
  p.node.answer(task.id, write_reply(r, {}, std::string::npos), now);
  handle_events(n);
}

void redis_world::run_tasks(number n) {
  settle();
  while (!at(n).to_run.empty()) {
    run_one(n);
    settle();
  }
}

void redis_world::break_link(number n, link_number link) {
  auto& p = at(n);
  auto wire = p.wires.find(link);
  if (wire == p.wires.end()) return;
  redis.disconnect(wire->second.client);
  p.wires.erase(wire);
  p.node.closed(link, {patio::errc::connect_failed, "the connection was reset", {}}, now);
}

void redis_world::abandon_link(number n, link_number link) {
  auto& p = at(n);
  auto wire = p.wires.find(link);
  if (wire == p.wires.end()) return;
  abandoned.push_back(std::move(wire->second));
  p.wires.erase(wire);
  p.node.closed(link, {patio::errc::connect_failed, "the connection timed out", {}}, now);
}

void redis_world::move_abandoned(std::size_t max) {
  if (abandoned.empty()) return;
  auto wire = std::move(abandoned.front());
  abandoned.pop_front();
  if (wire.to_server.empty()) return redis.disconnect(wire.client);
  redis.receive(wire.client, wire.to_server.substr(0, max), now);
  wire.to_server.erase(0, std::min(max, wire.to_server.size()));
  (void)redis.take_output(wire.client);
  abandoned.push_back(std::move(wire));
}

void redis_world::break_all(number n) {
  std::vector<link_number> links;
  for (auto& [link, wire] : at(n).wires) links.push_back(link);
  for (auto link : links) break_link(n, link);
}

void redis_world::restart(bool keeps_data) {
  redis.restart(keeps_data);
  for (number n = 0; n < nodes.size(); ++n)
    if (nodes[n]) break_all(n);
}

void redis_world::kill(number n) {
  for (auto& [link, wire] : at(n).wires) redis.disconnect(wire.client);
  nodes[n] = nullptr;
}
