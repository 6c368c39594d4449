# Compiler flags of the house, as one interface target that every layer links.
add_library(lyceum_flags INTERFACE)
target_compile_definitions(lyceum_flags INTERFACE _GNU_SOURCE)
target_compile_options(lyceum_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wimplicit-fallthrough -Wformat=2 -Wundef -Wvla
    -Wwrite-strings -fno-common -fstack-protector-strong -g)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(LYCEUM_WERROR)
    target_compile_options(lyceum_flags INTERFACE -Werror)
endif()
if(LYCEUM_SANITIZE)
    target_compile_options(lyceum_flags INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=undefined
        -fno-omit-frame-pointer)
    target_link_options(lyceum_flags INTERFACE -fsanitize=address,undefined)
endif()
if(LYCEUM_HARDEN)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT ipo_ok OUTPUT ipo_why LANGUAGES C)
    if(ipo_ok)
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    endif()
    target_compile_options(lyceum_flags INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-clash-protection
        -fcf-protection -fno-strict-overflow)
    target_link_options(lyceum_flags INTERFACE
        -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
endif()
if(LYCEUM_FUZZ)
    target_compile_options(lyceum_flags INTERFACE
        -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer)
    target_link_options(lyceum_flags INTERFACE -fsanitize=address,undefined)
endif()
if(LYCEUM_COVERAGE)
    target_compile_options(lyceum_flags INTERFACE --coverage)
    target_link_options(lyceum_flags INTERFACE --coverage)
endif()
