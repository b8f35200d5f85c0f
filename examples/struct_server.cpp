// Serves a function of a struct until SIGINT or SIGTERM. Argument: HOST:PORT to listen on.
#include <iostream>

#include <patio/patio.hpp>

struct point {
  double x = 0, y = 0;
};
PATIO_FIELDS(point, x, y);

int main(int, char** argv) {
  patio::service svc{{.key = "secret"}};
  svc.add("mirror", [](point p) { return point{-p.x, -p.y}; });
  std::cout << "listening on " << patio::to_string(svc.listen(argv[1])) << std::endl;
  svc.run();
}
