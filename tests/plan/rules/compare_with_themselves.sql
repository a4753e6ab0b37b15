-- what is told of a column decides its comparison with itself
SELECT user FROM clicks WHERE n = n AND n IS NOT NULL AND (v > 1 OR n <> n)
=>
Project [user#1]
  Filter (is_not_null(n#2) AND (v#3 > 1.0))
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#1, v#3, n#2, xs#5, p#6]

-- of a column that may be NULL nothing is decided
SELECT n = n AS e FROM clicks WHERE v > 1 OR n < n
=>
Project [(n#1 = n#1) AS e#2]
  Filter ((v#3 > 1.0) OR (n#1 < n#1))
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#5, v#3, n#1, xs#6, p#7]

-- a comparison that says that its column is not NULL leaves that
SELECT user FROM clicks WHERE n <= n
=>
Project [user#1]
  Filter is_not_null(n#2)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]

-- below a window its time is not NULL
SELECT window.start AS w FROM (SELECT * FROM clicks WHERE ts >= ts) GROUP BY window(ts, '5 seconds')
=>
Project [window#1.start AS w#2]
  Aggregate [window#1] []
    Window ts#3 size 5000000us AS window#1
      Project [ts#3, user#4, v#5, n#6, xs#7, p#8]
        Filter is_not_null(ts#3)
          Watermark ts#3 delay 5000000us
            Stream clicks [ts#3, user#4, v#5, n#6, xs#7, p#8]

-- nor below a session
SELECT session_window.start AS w FROM (SELECT * FROM clicks WHERE ts > ts) GROUP BY session_window(ts, '5 seconds'), user
=>
Project [session_window#1.start AS w#2]
  Aggregate [session_window#1, user#3] []
    Session ts#4 gap 5000000us AS session_window#1
      Project [ts#4, user#3, v#5, n#6, xs#7, p#8]
        Filter false
          Watermark ts#4 delay 5000000us
            Stream clicks [ts#4, user#3, v#5, n#6, xs#7, p#8]

-- through a projection that renames it
SELECT window.start AS w FROM (SELECT ts AS t FROM clicks WHERE ts = ts) GROUP BY window(t, '5 seconds')
=>
Project [window#1.start AS w#2]
  Aggregate [window#1] []
    Window t#3 size 5000000us AS window#1
      Project [ts#4 AS t#3]
        Filter is_not_null(ts#4)
          Watermark ts#4 delay 5000000us
            Stream clicks [ts#4, user#5, v#6, n#7, xs#8, p#9]

-- not through one that computes it
SELECT window.start AS w FROM (SELECT ts + INTERVAL 1 SECOND AS t FROM clicks WHERE ts = ts OR n > 1) GROUP BY window(t, '5 seconds')
=>
Project [window#1.start AS w#2]
  Aggregate [window#1] []
    Window t#3 size 5000000us AS window#1
      Project [(ts#4 + 1000000us) AS t#3]
        Filter ((ts#4 = ts#4) OR (n#5 > 1))
          Watermark ts#4 delay 5000000us
            Stream clicks [ts#4, user#6, v#7, n#5, xs#8, p#9]

-- nullif of a value with itself is NULL
SELECT user FROM clicks WHERE n IS NOT NULL AND nullif(n, n) IS NULL
=>
Project [user#1]
  Filter is_not_null(n#2)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]

-- what a filter below tells
SELECT user FROM (SELECT * FROM clicks WHERE n > 1) WHERE n = n OR v > 1
=>
Project [user#1]
  Project [ts#2, user#1, v#3, n#4, xs#5, p#6]
    Filter (n#4 > 1)
      Watermark ts#2 delay 5000000us
        Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- a filter above a limit tells nothing below it
SELECT user FROM (SELECT * FROM (SELECT * FROM clicks WHERE n = n OR v > 1) LIMIT 3) WHERE n IS NOT NULL
=>
Project [user#1]
  Filter is_not_null(n#2)
    Limit 3
      Project [ts#3, user#1, v#4, n#2, xs#5, p#6]
        Project [ts#3, user#1, v#4, n#2, xs#5, p#6]
          Filter ((n#2 = n#2) OR (v#4 > 1.0))
            Watermark ts#3 delay 5000000us
              Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]

-- a function with the constant NULL is NULL
SELECT user FROM clicks WHERE n + NULL > 1
=>
Project [user#1]
  Filter false
    Watermark ts#2 delay 5000000us
      Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- so is a cast of it, and neither coalesce nor is_null is
SELECT user FROM clicks WHERE coalesce(CAST(NULL AS INT), n) > 1 AND (n + NULL) IS NULL
=>
Project [user#1]
  Filter (coalesce(NULL, n#2) > 1)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]
