"""content: the courses the tests publish. Real ones where it matters: the Debian
Administrator's Handbook and a video with sound and subtitles made by ffmpeg."""
import os
import shutil
import subprocess

HANDBOOK = "/usr/share/doc/debian-handbook/html"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME",
                                    os.path.expanduser("~/.cache")),
                     "lyceum-test")


def video(path, seconds=180):
    """A test picture with a clock, a tone and English subtitles, kept between
    runs because it takes half a minute to make."""
    made = os.path.join(CACHE, f"lesson-{seconds}.mkv")
    if not os.path.exists(made):
        os.makedirs(CACHE, exist_ok=True)
        subs = os.path.join(CACHE, "lesson.srt")
        with open(subs, "w", encoding="utf-8") as f:
            for i in range(seconds // 10):
                f.write(f"{i + 1}\n{stamp(i * 10)} --> {stamp(i * 10 + 9)}\n"
                        f"Part {i + 1} of the lesson\n\n")
        tmp = made + ".tmp.mkv"
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-y",
             "-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=25:d={seconds}",
             "-f", "lavfi", "-i", f"sine=frequency=330:duration={seconds}",
             "-i", subs, "-map", "0", "-map", "1", "-map", "2",
             "-c:v", "libx264", "-preset", "ultrafast", "-crf", "23",
             "-c:a", "aac", "-c:s", "srt", "-shortest", tmp], check=True)
        os.replace(tmp, made)
    shutil.copyfile(made, path)


def stamp(s):
    return f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02},000"


def handbook(folder, seconds=60):
    """The handbook with a video lesson, as an expert would lay it out."""
    shutil.copytree(HANDBOOK, os.path.join(folder, "book"), symlinks=False)
    os.makedirs(os.path.join(folder, "video"))
    video(os.path.join(folder, "video", "welcome.mkv"), seconds)
    with open(os.path.join(folder, "README.md"), "w", encoding="utf-8") as f:
        f.write("# The Debian Administrator's Handbook\n\n"
                "The book in its languages, with a welcome video.\n")
    return folder


def small_files(folder, count):
    """Source-like text files, `count` of them, 100 a folder."""
    import random
    words = ("int return struct if else for while const static void buffer "
             "length error chunk peer store manifest include define").split()
    r = random.Random(count)
    for i in range(count):
        d = os.path.join(folder, f"part{i // 100:03}")
        if i % 100 == 0:
            os.makedirs(d)
        with open(os.path.join(d, f"file{i:05}.c"), "w") as f:
            f.write("".join(r.choice(words) + r.choice(" \n;(){}")
                            for _ in range(r.randrange(20, 400))))
    return folder
