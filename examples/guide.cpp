// The other C++ fragments of the guides in actors/guide and apps/guide, as one program.
#include <iostream>
#include <utility>

#include <patio/patio.hpp>

using namespace std::chrono_literals;

namespace geometry {

double norm(double x, double y) { return x * x + y * y; }

struct point {
  double x = 0;
  double y = 0;
};

enum class axis { horizontal, vertical };

} // namespace geometry

// Carry your own types.
PATIO_FIELDS(geometry::point, x, y);
PATIO_ENUM(geometry::axis, horizontal, vertical);

std::int64_t sub(std::int64_t a, std::int64_t b) { return a - b; }

std::int64_t half(std::int64_t n) {
  if (n % 2 != 0) throw patio::python_error{"ValueError", {"an odd number has no half"}};
  return n / 2;
}

using square_atom = caf::atom_constant<caf::atom("square")>;
using service_actor =
  caf::typed_actor<caf::replies_to<square_atom, std::int64_t>::with<std::int64_t>>;

service_actor::behavior_type service() {
  return {[](square_atom, std::int64_t n) { return n * n; }};
}

void serve_functions(patio::registry& rpc) {
  rpc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
  rpc.add<&geometry::norm>();                                 // as "guide.geometry.norm"
  rpc.add("sub(a, b=0)", sub, {.doc = "a - b"});              // sub(44, b=2), sub(44)
  rpc.add("count", [](patio::args all, patio::kwargs named) { // *args, **kwargs
    return all.size() + named.size();
  });
  rpc.add("half", half);
  rpc.add("scale(xs, by=2.0)", [](std::span<const double> xs, double by) {
    std::vector<double> scaled;
    for (auto x : xs) scaled.push_back(x * by);
    return patio::packed{std::move(scaled)}; // array('d') in Python; a plain vector is a list
  });
  rpc.add("mirror(p, at='vertical')", [](geometry::point p, geometry::axis at) {
    return at == geometry::axis::vertical ? geometry::point{-p.x, p.y} : geometry::point{p.x, -p.y};
  });
}

void serve_later(patio::registry& rpc) {
  rpc.add("later", [](patio::reply_to<std::string> reply, std::string text) {
    reply.answer(text + ", later"); // now or at any time, from any thread
  });
}

void serve_actors(patio::registry& rpc, const service_actor& existing) {
  rpc.add("square", existing, square_atom::value);
  auto cube = [existing](caf::event_based_actor* self, std::int64_t n) {
    auto promise = self->make_response_promise<std::int64_t>();
    self->request(existing, caf::infinite, square_atom::value, n)
      .then([promise, n](std::int64_t square) mutable { promise.deliver(square * n); });
    return promise;
  };
  rpc.add("cube", cube);
}

void serve_heavy(patio::registry& rpc) {
  auto fibonacci = [](std::int64_t n) {
    std::int64_t a = 0, b = 1;
    for (; n > 0; --n) a = std::exchange(b, a + b);
    return a;
  };
  rpc.add(
    "fibonacci", fibonacci,
    {.executor = "heavy", .max_concurrency = 2, .timeout = 10s, .priority = patio::priority::high});
}

service_actor serve_supervised(caf::actor_system& sys, patio::registry& rpc) {
  auto squares = patio::spawn_worker_pool(
    sys, 4, [&sys] { return sys.spawn(service); },
    {.restarts = {.max_restarts = 10, .within = 60s}, .max_waiting = 10'000});
  rpc.add("squares", squares, patio::function_options{.timeout = 5s}, square_atom::value);
  return squares;
}

void serve_what_can_stop(patio::registry& rpc) {
  rpc.add("search", [](std::stop_token stop, std::int64_t steps) {
    std::int64_t step = 0;
    while (step < steps && !stop.stop_requested()) ++step;
    return step;
  });
}

// Call, from outside actors.
void call(const patio::broker_actor& node) {
  std::int64_t sum = patio::call<std::int64_t>(node, "add", 6, 7).get();
  patio::call_target in_time{"sub", {.timeout = 1s}};
  auto difference = patio::call<std::int64_t>(node, in_time, 44, patio::kw("b", 2));
  std::cout << sum << ' ' << difference.get() << '\n';
}

void call_and_see_why_not(const patio::broker_actor& node) {
  try {
    std::cout << patio::call<std::int64_t>(node, "half", 7).get() << '\n';
  } catch (const patio::call_error& e) {
    if (e.why().code == patio::errc::remote_error) std::cout << e.what() << '\n';
  }
}

// Call, from an actor.
void call_from_actor(caf::event_based_actor* self, const patio::broker_actor& node) {
  auto print = [](std::int64_t sum) { std::cout << sum << '\n'; };
  auto complain = [](const caf::error& why) {
    std::cout << patio::to_string(patio::from_caf(why)) << '\n';
  };
  using signature = std::int64_t(std::int64_t, std::int64_t);
  patio::remote<signature> add{node, "add", {.timeout = 1s}};
  self->request(add, caf::infinite, std::int64_t{6}, std::int64_t{7}).then(print, complain);
}

void give_up(const patio::broker_actor& node) {
  std::stop_source stop;
  patio::call_target search{"search", {.timeout = 60s, .stop = stop.get_token()}};
  auto steps = patio::call<std::int64_t>(node, search, std::int64_t{1} << 60);
  stop.request_stop(); // as does steps.cancel(), or dropping steps
  try {
    (void)steps.get();
  } catch (const patio::call_error& e) {
    std::cout << patio::to_string(e.why().code) << '\n';
  }
}

void call_other_functions(const patio::broker_actor& client) {
  std::cout << patio::call<std::int64_t>(client, "cube", 3).get() << ' '
            << patio::call<std::string>(client, "later", "an answer").get() << ' '
            << patio::call<geometry::point>(client, "mirror", geometry::point{1, 2}).get().x
            << '\n';
  std::cout << patio::call<std::int64_t>(client, "fibonacci", 50).get() << ' '
            << patio::call<std::int64_t>(client, "squares", 12).get() << '\n';
}

patio::result<patio::limits> set_limits() {
  patio::limits limits;
  limits.frame_bytes = 1 << 20;
  if (auto set = patio::set_limit(limits, "handshake_timeout=2s"); !set)
    return tl::unexpected(set.error());
  return limits;
}

patio::tcp_options with_keys_and_rules(const patio::limits& limits) {
  return {.limits = limits,
          .keys = {{"billing", "the key of billing"}, {"operator", "the operator's key"}},
          .rules = {{"billing", "add"}, {"operator", "*"}}};
}

int main() {
  patio::block_signals();
  patio::system_config config;
  caf::actor_system sys{config};
  patio::registry rpc{{.project = "guide"}};
  serve_functions(rpc);
  serve_later(rpc);
  auto existing = sys.spawn(service);
  serve_actors(rpc, existing);
  serve_heavy(rpc);
  auto squares = serve_supervised(sys, rpc);
  serve_what_can_stop(rpc);

  // Choose where functions run.
  auto pool = patio::spawn_thread_pool(sys, rpc, {.workers = 8});

  // An executor for each function.
  auto heavy = patio::spawn_thread_pool(sys, rpc, {.workers = 2});
  patio::executors pools{pool, {{"heavy", heavy}}};

  // Choose how calls travel.
  auto options = with_keys_and_rules(set_limits().value());
  patio::owned_broker server{patio::spawn_tcp_broker(sys, pools, options)};
  auto where = patio::listen(server, "127.0.0.1:0").value();
  patio::secret key = "the operator's key";
  patio::owned_broker client{patio::spawn_tcp_broker(sys, patio::null_executor(), {.key = key})};
  auto peer = patio::connect(client, where).get().value();
  std::cout << "the peer serves " << peer.names.size() << " functions\n";

  call(client);
  call_and_see_why_not(client);
  give_up(client);
  call_other_functions(client);
  auto caller = sys.spawn([&](caf::event_based_actor* self) { call_from_actor(self, client); });
  caf::scoped_actor self{sys};
  self->wait_for(caller);

  auto local = patio::spawn_memory_broker(sys, pools); // the same functions within this process
  std::cout << patio::call<double>(local, "guide.geometry.norm", 3.0, 4.0).get() << '\n';
}
