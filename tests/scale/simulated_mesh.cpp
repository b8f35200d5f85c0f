#include "simulated_mesh.hpp"

#include <algorithm>
#include <string_view>
#include <variant>

#include "figures.hpp"

namespace patio::scale {
namespace {

// A node writes whole frames only.
void count(traffic& t, std::string_view bytes) {
  t.bytes += bytes.size();
  while (bytes.size() >= 9) {
    std::size_t payload = 0;
    for (std::size_t i = 1; i < 5; ++i)
      payload = payload << 8 | static_cast<unsigned char>(bytes[i]);
    ++t.frames;
    bytes.remove_prefix(std::min(bytes.size(), 9 + payload));
  }
}

} // namespace

simulated_mesh::simulated_mesh(const plan& p) {
  for (std::size_t i = 0; i < p.nodes; ++i) {
    mesh::node_options options{.key = "k", .seed = i};
    members_.push_back(
      {std::make_unique<mesh::node>(std::move(options), idle_functions(p.names)), {}, never});
  }
  for (number from = 1; from < p.nodes; ++from)
    for (number to = 0; to < (p.kind == "star" ? 1 : from); ++to) {
      tasks_.push({now_, from, to});
      ++wanted_;
    }
}

instant simulated_mesh::form() {
  constexpr std::chrono::milliseconds step{1};
  while (ready_ < 2 * wanted_) run_until(now_ + step);
  return now_;
}

void simulated_mesh::run_until(instant end) {
  for (;;) {
    auto arrives = in_flight_.empty() ? never : in_flight_.front().at;
    auto due = tasks_.empty() ? never : tasks_.top().at;
    if (std::min(arrives, due) > end) break;
    now_ = std::max(now_, std::min(arrives, due));
    if (arrives <= due) {
      auto d = std::move(in_flight_.front());
      in_flight_.pop_front();
      deliver(std::move(d));
      continue;
    }
    auto next = tasks_.top();
    tasks_.pop();
    if (next.dials == next.node) tick(next.node);
    else dial(next.node, next.dials);
  }
  now_ = end;
}

void simulated_mesh::deliver(delivery d) {
  auto& m = members_[d.node];
  if (!m.wires[d.id].is_open) return;
  if (d.is_end) {
    m.node->close_at_end(d.id, m.wires[d.id].sent);
  } else {
    for (bool more = m.node->receive(d.id, d.bytes, now_); more; more = m.node->next(d.id))
      handle_events(d.node);
  }
  pump(d.node);
}

void simulated_mesh::tick(number n) {
  auto& m = members_[n];
  if (m.ticks_at > now_) return; // an earlier tick has come and gone
  m.ticks_at = never;
  m.node->tick(now_);
  pump(n);
}

void simulated_mesh::dial(number from, number to) {
  auto admitted = members_[to].node->admit();
  pump(to);
  if (!admitted) return redial(from, to, false);
  auto next_id = [this](number n) { return std::max<connection_id>(members_[n].wires.size(), 1); };
  auto client = next_id(from), server = next_id(to);
  open(to, {from, false, true, client, 0}, role::server, server);
  open(from, {to, true, true, server, 0}, role::client, client);
}

void simulated_mesh::redial(number from, number to, bool refused) {
  ++failed_dials_;
  auto wait = backoffs_.try_emplace({from, to}, backoff_options{}, from * 7919 + to)
                .first->second.failed(refused);
  tasks_.push({now_ + wait, from, to});
}

// A node counts its connections from 1.
void simulated_mesh::open(number n, wire w, role side, connection_id id) {
  auto& m = members_[n];
  m.wires.resize(id + 1);
  m.wires[id] = w;
  (void)m.node->open(side, "10.0.0." + std::to_string(w.other) + ":15383", nonce(side), now_);
  pump(n);
}

std::string simulated_mesh::nonce(role side) {
  std::string text(side == role::server ? 16 : 4, '\0');
  auto rest = ++last_nonce_;
  for (auto& c : text) {
    c = static_cast<char>(rest);
    rest >>= 8;
  }
  return text;
}

void simulated_mesh::handle_events(number n) {
  std::vector<mesh::node_event> events;
  for (members_[n].node->take_events(events); !events.empty();
       members_[n].node->take_events(events)) {
    for (auto& e : events) {
      if (std::holds_alternative<mesh::peer_ready>(e)) ++ready_;
      else if (auto* closed = std::get_if<mesh::connection_closed>(&e)) handle(n, *closed);
    }
    events.clear();
  }
}

void simulated_mesh::handle(number n, mesh::connection_closed& e) {
  auto& w = members_[n].wires[e.id];
  w.is_open = false;
  if (!e.last_bytes.empty())
    in_flight_.push_back({now_ + latency, w.other, false, w.other_id, std::move(e.last_bytes)});
  in_flight_.push_back({now_ + latency, w.other, true, w.other_id, {}});
  if (w.has_dialled) redial(n, w.other, e.why.code == errc::login_refused);
}

void simulated_mesh::pump(number n) {
  handle_events(n);
  auto& m = members_[n];
  std::vector<connection_id> dirty;
  m.node->take_dirty(dirty);
  for (auto id : dirty) {
    std::string bytes;
    m.node->take_output(id, bytes);
    auto& w = m.wires[id];
    count(sent_, bytes);
    w.sent += bytes.size();
    if (!bytes.empty() && w.is_open)
      in_flight_.push_back({now_ + latency, w.other, false, w.other_id, std::move(bytes)});
  }
  auto next = m.node->next_deadline();
  if (next >= m.ticks_at) return;
  m.ticks_at = next;
  tasks_.push({next, n, n});
}

std::size_t simulated_mesh::own_bytes() const noexcept {
  auto sum = tasks_.size() * sizeof(task) + in_flight_.size() * sizeof(delivery)
             + backoffs_.size() * (sizeof(backoff) + 64) + members_.capacity() * sizeof(member);
  for (const auto& m : members_) sum += m.wires.capacity() * sizeof(wire);
  return sum;
}

void run_mesh(const plan& p) {
  auto before = allocated_bytes(), begin = processor_seconds();
  simulated_mesh mesh{p};
  auto alone = allocated_bytes() - before;
  auto formed = mesh.form();
  auto forming = processor_seconds() - begin;
  mesh.idle(std::chrono::seconds{20}); // the first probes find the buffers' usual sizes
  auto held = allocated_bytes() - before - static_cast<double>(mesh.own_bytes());
  auto first = mesh.sent();
  begin = processor_seconds();
  mesh.idle(p.idle);
  auto spent = processor_seconds() - begin;
  auto nodes = static_cast<double>(p.nodes), minutes = static_cast<double>(p.idle.count()),
       ends = 2 * static_cast<double>(mesh.connections());
  auto frames = static_cast<double>(mesh.sent().frames - first.frames),
       bytes = static_cast<double>(mesh.sent().bytes - first.bytes);
  figures f{p.kind};
  f.add("nodes", nodes);
  f.add("names", static_cast<double>(p.names));
  f.add("connections", static_cast<double>(mesh.connections()));
  f.add("failed_dials", static_cast<double>(mesh.failed_dials()));
  f.add("forming_virtual_s", static_cast<double>(formed.count()) / 1e9);
  f.add("forming_cpu_s", forming);
  f.add("login_cpu_us_per_connection", 1e6 * forming / static_cast<double>(mesh.connections()));
  f.add("bytes_of_node_without_peers", alone / nodes);
  f.add("bytes_per_peer", (held - alone) / ends);
  f.add("frames_per_peer_minute", frames / ends / minutes);
  f.add("sent_bytes_per_peer_minute", bytes / ends / minutes);
  f.add("cpu_us_per_peer_minute", 1e6 * spent / ends / minutes);
  f.add("frames_minute", frames / minutes);
  f.add("sent_bytes_minute", bytes / minutes);
  f.add("cpu_s_minute", spent / minutes);
  f.print();
}

} // namespace patio::scale
