# `cpack` in the build folder makes three Debian packages: libpatio0, libpatio-dev and patio.
set(PATIO_MAINTAINER "patio authors <patio@example.org>" CACHE STRING
  "Name and address of who makes the Debian packages")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT ${PATIO_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "remote functions as CAF actors")
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime dev command)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)

# dpkg-shlibdeps finds the packages of the libraries that a file is linked with. The packages of one
# version belong together, because the command uses more than the public names.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
  ${PROJECT_BINARY_DIR}/libpatio ${PROJECT_BINARY_DIR}/actors)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_COMPONENT_DEV_DEPENDS runtime)
set(CPACK_COMPONENT_COMMAND_DEPENDS runtime)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libpatio${PATIO_SOVERSION})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
# The file shlibs: packages of programs depend on this version or a later one of the same SONAME.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/apps/packaging/debian/triggers)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "C++ processes serve functions over TCP,
Redis or RabbitMQ and call the functions of their peers. Unmodified Python
processes that use the package patio can be peers. This package has the shared
libraries.")

# A program's own compiler needs the headers that the public headers include.
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libpatio-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libcaf-dev (>= 0.17.6), libcaf-dev (<< 0.18), libexpected-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "This package has the headers, a CMake
package with the targets patio::core and patio::actors, and the pkg-config
modules patio-core and patio.")

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME patio)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION net)
set(CPACK_COMPONENT_COMMAND_DESCRIPTION "The command serves and calls remote
functions, lists what peers serve, measures rates and latencies, and explains
pickles without running any code in them.")

# What Debian's policy asks of each package; a plain `cmake --install` leaves it out.
string(TIMESTAMP PATIO_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(apps/packaging/debian/changelog.in packaging/changelog @ONLY)
configure_file(apps/packaging/debian/copyright.in packaging/copyright @ONLY)
execute_process(COMMAND ${PATIO_GZIP} -9nf ${PROJECT_BINARY_DIR}/packaging/changelog
  COMMAND_ERROR_IS_FATAL ANY)
foreach(component runtime dev command)
  string(TOUPPER ${component} upper)
  install(FILES ${PROJECT_BINARY_DIR}/packaging/changelog.gz ${PROJECT_BINARY_DIR}/packaging/copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
