// The fragments on services and coroutines in actors/guide, as one program.
#include <coroutine>
#include <future>
#include <iostream>

#include <patio/patio.hpp>

using adder = patio::remote<std::int64_t(std::int64_t, std::int64_t)>;

std::int64_t add(std::int64_t a, std::int64_t b) { return a + b; }

/// A coroutine that nobody waits for: it destroys itself at its end.
struct background {
  struct promise_type {
    background get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

background add_three(adder add, std::promise<std::int64_t>& sum) {
  auto part = co_await add(1, 2);
  sum.set_value(co_await add(part, 3));
}

void serve_in_scheduler(patio::service& svc) {
  svc.run_in(patio::spawn_async_pool(svc.system(), svc.functions(), {.workers = 2}));
}

int main() try {
  patio::service server{{.key = "secret", .rules = {{"*", "add"}}}};
  server.add("add", add);
  serve_in_scheduler(server);
  auto where = patio::to_string(server.listen("127.0.0.1:0"));

  patio::service client{{.key = "secret"}};
  client.connect(where);
  std::cout << patio::call<std::int64_t>(client, "add", 6, 7).get() << '\n';
  std::promise<std::int64_t> sum;
  add_three({client, "add"}, sum);
  std::cout << sum.get_future().get() << '\n';

  patio::service stranger{{.key = "wrong"}};
  stranger.connect(where);
} catch (const patio::service_error& e) {
  std::string text = e.what();
  std::cout << text.substr(text.find(": ") + 2) << '\n';
}
