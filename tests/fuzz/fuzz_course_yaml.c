/* course.yaml comes from an author's editor: errors, never crashes or leaks. */
#include "storage/course_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct course_info info;
    struct err e = ERR_INIT;

    if (course_yaml_parse(data, size, &info, &e) == 0)
        course_info_deinit(&info);
    return 0;
}
