#include <patio/actors/caf/system.hpp>

#include <caf/io/middleman.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/os/descriptors.hpp>
#include <patio/actors/os/resources.hpp>

namespace patio {

system_config::system_config() {
  occupy_standard_descriptors();
  check_resources();
  load<caf::io::middleman>();
  add_error_category(caf::atom("patio"),
                     [](std::uint8_t code, caf::atom_value category, const caf::message& context) {
                       return to_string(from_caf({code, category, context}));
                     });
  set("scheduler.policy", caf::atom("sharing"));
  set("middleman.max-consecutive-reads", std::size_t{1});
}

} // namespace patio
