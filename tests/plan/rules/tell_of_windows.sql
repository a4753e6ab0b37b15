-- a window over an outer join of streams needs its time
SELECT window.start AS w, count(*) AS c FROM l LEFT JOIN r ON l.k = r.k GROUP BY window(rt, '5 seconds')
=>
Project [window#1.start AS w#2, count(1)#3 AS c#4]
  Aggregate [window#1] [count(1) AS count(1)#3]
    Window rt#5 size 5000000us AS window#1
      Filter is_not_null(rt#5)
        Join LeftOuter (k#6 = k#7)
          Watermark lt#8 delay 5000000us
            Stream l [lt#8, k#6, a#9]
          Watermark rt#5 delay 5000000us
            Stream r [rt#5, k#7, b#10]

-- a session too
SELECT session_window.start AS w, l.k, count(*) AS c FROM l RIGHT JOIN r ON l.k = r.k GROUP BY session_window(lt, '5 seconds'), l.k
=>
Project [session_window#1.start AS w#2, k#3, count(1)#4 AS c#5]
  Aggregate [session_window#1, k#3] [count(1) AS count(1)#4]
    Session lt#6 gap 5000000us AS session_window#1
      Filter is_not_null(lt#6)
        Join RightOuter (k#3 = k#7)
          Watermark lt#6 delay 5000000us
            Stream l [lt#6, k#3, a#8]
          Watermark rt#9 delay 5000000us
            Stream r [rt#9, k#7, b#10]

-- over an inner join the join says so
SELECT window.start AS w, count(*) AS c FROM l JOIN r ON l.k = r.k GROUP BY window(rt, '5 seconds')
=>
Project [window#1.start AS w#2, count(1)#3 AS c#4]
  Aggregate [window#1] [count(1) AS count(1)#3]
    Window rt#5 size 5000000us AS window#1
      Join Inner (k#6 = k#7)
        Watermark lt#8 delay 5000000us
          Stream l [lt#8, k#6, a#9]
        Watermark rt#5 delay 5000000us
          Stream r [rt#5, k#7, b#10]

-- over an outer join with a table the window drops them
SELECT window.start AS w, count(*) AS c FROM clicks LEFT JOIN users ON clicks.user = users.user GROUP BY window(ts, '5 seconds')
=>
Project [window#1.start AS w#2, count(1)#3 AS c#4]
  Aggregate [window#1] [count(1) AS count(1)#3]
    Window ts#5 size 5000000us AS window#1
      Join LeftOuter (user#6 = user#7)
        Watermark ts#5 delay 5000000us
          Stream clicks [ts#5, user#6, v#8, n#9, xs#10, p#11]
        Table users [user#7, city#12]

-- however far below the join is
SELECT window.start AS w, count(*) AS c FROM (SELECT rt AS t FROM l LEFT JOIN r ON l.k = r.k WHERE a > 1) GROUP BY window(t, '5 seconds')
=>
Project [window#1.start AS w#2, count(1)#3 AS c#4]
  Aggregate [window#1] [count(1) AS count(1)#3]
    Window t#5 size 5000000us AS window#1
      Filter is_not_null(t#5)
        Project [rt#6 AS t#5]
          Filter (a#7 > 1)
            Join LeftOuter (k#8 = k#9)
              Watermark lt#10 delay 5000000us
                Stream l [lt#10, k#8, a#7]
              Watermark rt#6 delay 5000000us
                Stream r [rt#6, k#9, b#11]
