# plots.gp: the tables in data/ as SVG. Run in this folder: gnuplot plots.gp
set fit quiet logfile "/dev/null"
set terminal svg size 720,440 font "sans-serif,14" background "white"
set datafile separator whitespace
set grid lc rgb "#dddddd"
set key top left reverse Left samplen 2
set border 3
set tics nomirror
set logscale x
set format x "10^{%T}"
model = "#1f5fa8"; packet = "#c8372d"; other = "#7a7a7a"; mirror = "#2e8540"
course_s = 256 * 12700 / 125000.0

set xlabel "nodes (one seeder, the others learners)"
set output "nodes-time.svg"
set logscale y
set ylabel "download time, s"
set yrange [3:3000]
set key bottom right noreverse Right
set label 1 "every learner from the seeder" at 55,1100 tc rgb other
plot [1.5:150000] "data/nodes.tsv" u 1:3 w lp lw 2 pt 7 ps .6 lc rgb model t "the last learner, model", \
  "" u 1:2 w lp lw 1 pt 6 ps .5 dt 2 lc rgb model t "mean, model", \
  "data/fit.tsv" u 1:5 w p pt 5 ps .9 lc rgb packet t "the last learner, packet level", \
  "" u 1:2 w p pt 4 ps .9 lc rgb packet t "mean, packet level", \
  x > 60 ? NaN : (x - 1) * course_s w l dt 3 lc rgb other notitle, \
  course_s w l dt 4 lc rgb other t "one copy over one uplink"
unset label 1
set key top left reverse Left

set output "nodes-upload.svg"
set ylabel "copies of the course that the seeder sends"
set yrange [0.8:30]
plot [1.5:150000] "data/nodes.tsv" u 1:4 w lp lw 2 pt 7 ps .6 lc rgb model t "model", \
  "data/fit.tsv" u 1:8 w p pt 5 ps .9 lc rgb packet t "packet level"

set output "nodes-messages.svg"
set ylabel "messages of a learner, sent and received"
set yrange [100:300000]
plot [1.5:150000] "data/nodes.tsv" u 1:5 w lp lw 2 pt 7 ps .6 lc rgb model t "all, model", \
  "" u 1:6 w lp lw 1 pt 6 ps .5 dt 2 lc rgb model t "all but CHUNK, model", \
  "data/fit.tsv" u 1:11 w p pt 5 ps .9 lc rgb packet t "all but CHUNK, packet level", \
  512 w l dt 4 lc rgb other t "CHUNK: each once"

set output "memory.svg"
set xlabel "courses (no connection), or connections (one course)"
set ylabel "anonymous memory of a node, MiB"
set yrange [1:512]
conn(x) = base + slope * x
base = 2.4; slope = 0.04
fit conn(x) "data/memory.tsv" u ($1 == 1 ? $2 : NaN):3 via base, slope
cour(x) = cbase + cslope * x
cbase = 2.4; cslope = 0.001
fit cour(x) "data/memory.tsv" u ($2 == 0 ? $1 : NaN):3 via cbase, cslope
plot [1:150000] "data/memory.tsv" u ($1 == 1 && $2 > 0 ? $2 : NaN):3 w p pt 5 lc rgb packet t "measured, connections", \
  x <= 256 ? conn(x) : NaN w l lw 2 lc rgb packet t sprintf("%.0f KiB a connection, at most 256", slope * 1024), \
  "data/memory.tsv" u ($2 == 0 ? $1 : NaN):3 w p pt 7 lc rgb model t "measured, courses", \
  cour(x) w l lw 2 dt 2 lc rgb model t sprintf("%.2f KiB a course, extrapolated", cslope * 1024)

set xlabel "courses of one publisher (1,000 learners, one course each, by Zipf)"
set output "courses-time.svg"
set ylabel "download time, s"
set yrange [30:60000]
plot [0.8:150000] "data/courses-0.tsv" u 1:3 w lp lw 2 pt 7 ps .6 lc rgb model t "the last learner, publisher alone", \
  "" u 1:2 w lp lw 1 pt 6 ps .5 dt 2 lc rgb model t "mean, publisher alone", \
  "data/courses-9.tsv" u 1:3 w lp lw 2 pt 7 ps .6 lc rgb mirror t "the last learner, with nine mirrors", \
  "" u 1:2 w lp lw 1 pt 6 ps .5 dt 2 lc rgb mirror t "mean, with nine mirrors"

set output "courses-upload.svg"
set ylabel "courses' worth of bytes that one source sends"
set yrange [1:30000]
plot [0.8:150000] "data/courses-0.tsv" u 1:4 w lp lw 2 pt 7 ps .6 lc rgb model t "publisher alone", \
  "data/courses-9.tsv" u 1:4 w lp lw 2 pt 7 ps .6 lc rgb mirror t "each of ten (publisher, nine mirrors)", \
  1000 w l dt 4 lc rgb other t "every learner from the publisher"

set output "courses-messages.svg"
set ylabel "messages of a learner, sent and received"
set yrange [100:50000]
plot [0.8:150000] "data/courses-0.tsv" u 1:5 w lp lw 2 pt 7 ps .6 lc rgb model t "all, model", \
  "" u 1:6 w lp lw 1 pt 6 ps .5 dt 2 lc rgb model t "all but CHUNK, model"
