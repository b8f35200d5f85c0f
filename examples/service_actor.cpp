// C++ and Python peers call an existing typed actor. The Python side is in call_service.py.
#include <iostream>
#include <map>

#include <patio/patio.hpp>

using get_atom = caf::atom_constant<caf::atom("get")>;
using put_atom = caf::atom_constant<caf::atom("put")>;
using store_actor =
  caf::typed_actor<caf::replies_to<get_atom, std::string>::with<std::int64_t>,
                   caf::replies_to<put_atom, std::string, std::int64_t>::with<std::int64_t>>;

struct store_state {
  std::map<std::string, std::int64_t> entries;
};

store_actor::behavior_type store(store_actor::stateful_pointer<store_state> self) {
  return {
    [self](get_atom, const std::string& key) -> caf::result<std::int64_t> {
      auto at = self->state.entries.find(key);
      if (at == self->state.entries.end())
        return patio::to_caf(
          patio::remote_error(patio::value::exception("builtins.KeyError", {key})));
      return at->second;
    },
    [self](put_atom, const std::string& key, std::int64_t number) {
      return self->state.entries[key] = number;
    },
  };
}

int main() {
  patio::service svc;
  auto kv = svc.system().spawn(store);
  svc.add("kv.get", kv, get_atom::value);
  svc.add("kv.put", kv, put_atom::value);
  std::cout << "listening on " << patio::to_string(svc.listen("127.0.0.1:0")) << std::endl;
  svc.run();
}
