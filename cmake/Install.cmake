# What `cmake --install` gives: the programs, the runtime, the header, and a package for find_package(nnc).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

foreach(program nnc nnc-opt)
  if(TARGET ${program})
    # Debian keeps LLVM's libraries in a folder of its own, which the loader does not search.
    set_target_properties(${program} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
if(TARGET nnc_runtime)
  install(TARGETS nnc_runtime ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(FILES ${PROJECT_SOURCE_DIR}/runtime/include/nnc.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/nnc)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/nncConfig.cmake.in ${PROJECT_BINARY_DIR}/nncConfig.cmake
  INSTALL_DESTINATION ${package}
  PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nncConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/nncConfig.cmake ${PROJECT_BINARY_DIR}/nncConfigVersion.cmake DESTINATION ${package})
