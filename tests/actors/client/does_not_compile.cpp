// does_not_compile.sh first compiles this file unchanged, which must succeed. Then it compiles the
// file once for each #ifdef, with that macro defined. Each of these compilations must fail, with an
// error that matches the regular expression behind the #ifdef.
#include <map>
#include <thread>

#include <caf/event_based_actor.hpp>

#include <patio/actors/client/remote_function.hpp>

using concat = patio::function_actor<std::string(std::string, std::int64_t)>;

void use(caf::event_based_actor* self, const concat& f) {
  std::string text = "text";
  std::int64_t number = 7;
#ifdef WRONG_TYPE // no matching (member )?function for call to .*request
  self->request(f, caf::infinite, number, number);
#endif
#ifdef TOO_FEW // no matching (member )?function for call to .*request
  self->request(f, caf::infinite, text);
#endif
#ifdef WRONG_RESULT // wrong functor signature
  self->request(f, caf::infinite, text, number).then([](std::int64_t) {});
#endif
#ifdef NOT_A_VALUE // a remote function takes and returns types that convert to values
  (void)patio::remote<void(std::thread)>(patio::broker_actor{}, "f");
#endif
#ifdef ITEMS_ARE_NO_VALUES // a remote function takes and returns types that convert to values
  (void)patio::remote<void(std::map<std::string, std::vector<std::thread>>)>(patio::broker_actor{},
                                                                             "f");
#endif
  self->request(f, caf::infinite, text, number).then([](const std::string&) {});
}
