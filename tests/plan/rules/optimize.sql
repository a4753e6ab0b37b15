-- a filter above a left join of streams reaches both watermarks
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k AND rt BETWEEN lt AND lt + INTERVAL 10 SECONDS WHERE b > 10 AND l.k <> 'c'
=>
Project [a#1, b#2]
  Join Inner (((k#3 = k#4) AND (rt#5 >= lt#6)) AND (rt#5 <= (lt#6 + 10000000us)))
    Filter is_not_null(lt#6)
      Watermark lt#6 delay 5000000us
        Filter (k#3 <> 'c')
          Stream l [lt#6, k#3, a#1]
    Filter is_not_null(rt#5)
      Watermark rt#5 delay 5000000us
        Filter ((b#2 > 10) AND (k#4 <> 'c'))
          Stream r [rt#5, k#4, b#2]

-- HAVING on a key filters before the watermark
SELECT window.start AS start, user, count(*) AS c FROM clicks GROUP BY window(ts, '10 seconds'), user HAVING user = 'a'
=>
Project [window#1.start AS start#2, user#3, count(1)#4 AS c#5]
  Aggregate [window#1, user#3] [count(1) AS count(1)#4]
    Window ts#6 size 10000000us AS window#1
      Watermark ts#6 delay 5000000us
        Filter (user#3 = 'a')
          Stream clicks [ts#6, user#3]

-- a subquery is optimized too
SELECT user FROM clicks WHERE v > (SELECT max(lim) FROM limits WHERE true)
=>
Project [user#1]
  Watermark ts#2 delay 5000000us
    Filter (v#3 > subquery(Aggregate [] [max(lim#4) AS max(lim)#5] <- Table limits [lim#4]))
      Stream clicks [ts#2, user#1, v#3]

-- a window over an outer join needs its time
SELECT window.start AS start, sum(a) AS a FROM l RIGHT JOIN r ON l.k = r.k AND lt = rt GROUP BY window(lt, '5 seconds')
=>
Project [window#1.start AS start#2, sum(a)#3 AS a#4]
  Aggregate [window#1] [sum(a#5) AS sum(a)#3]
    Window lt#6 size 5000000us AS window#1
      Join Inner ((k#7 = k#8) AND (lt#6 = rt#9))
        Filter is_not_null(lt#6)
          Watermark lt#6 delay 5000000us
            Filter is_not_null(k#7)
              Stream l [lt#6, k#7, a#5]
        Filter is_not_null(rt#9)
          Watermark rt#9 delay 5000000us
            Filter is_not_null(k#8)
              Stream r [rt#9, k#8]

-- an array that explode makes nothing of does not move the watermark
SELECT explode(xs) AS x, ts FROM clicks
=>
Project [x#1, ts#2]
  Generate explode(xs#3) AS [x#1]
    Watermark ts#2 delay 5000000us
      Filter (size(xs#3) > 0)
        Stream clicks [ts#2, xs#3]

-- where the event time is not null, its comparison with itself hides nothing from the watermark
SELECT window.start AS start, count(*) AS c FROM clicks WHERE CASE WHEN ts = ts THEN v > 1 END GROUP BY window(ts, '5 seconds')
=>
Project [window#1.start AS start#2, count(1)#3 AS c#4]
  Aggregate [window#1] [count(1) AS count(1)#3]
    Window ts#5 size 5000000us AS window#1
      Watermark ts#5 delay 5000000us
        Filter (v#6 > 1.0)
          Stream clicks [ts#5, v#6]

-- what an expensive key is tested for stays above what computes it
SELECT user RLIKE 'a' AS a, count(*) AS c FROM clicks GROUP BY user RLIKE 'a' HAVING a
=>
Project [RLIKE(user, a)#1 AS a#2, count(1)#3 AS c#4]
  Aggregate [RLIKE(user, a)#1] [count(1) AS count(1)#3]
    Filter RLIKE(user, a)#1
      Project [rlike(user#5, 'a') AS RLIKE(user, a)#1]
        Watermark ts#6 delay 5000000us
          Stream clicks [ts#6, user#5]

-- a time unequal to itself is no row at all
SELECT ts FROM clicks WHERE ts <> ts
=>
Watermark ts#1 delay 5000000us
  Filter false
    Stream clicks [ts#1]

-- a condition on a window and another column tells that the other is not null, below the watermark
SELECT window.start AS w FROM clicks GROUP BY window(ts, '5 seconds'), n HAVING second(window.start) > n
=>
Project [window#1.start AS w#2]
  Aggregate [window#1, n#3] []
    Filter (second(window#1.start) > n#3)
      Window ts#4 size 5000000us AS window#1
        Watermark ts#4 delay 5000000us
          Filter is_not_null(n#3)
            Stream clicks [ts#4, n#3]

-- a condition on a key and a count tells that the key is not null
SELECT n FROM clicks GROUP BY n HAVING count(*) > n
=>
Project [n#1]
  Filter (count(...)#2 > cast(n#1 AS BIGINT))
    Aggregate [n#1] [count(1) AS count(...)#2]
      Watermark ts#3 delay 5000000us
        Filter is_not_null(n#1)
          Stream clicks [ts#3, n#1]

-- a session over an outer join needs its time
SELECT session_window.start AS s, count(*) AS c FROM l LEFT JOIN r ON l.k = r.k AND rt = lt GROUP BY session_window(rt, '5 seconds'), r.k
=>
Project [session_window#1.start AS s#2, count(1)#3 AS c#4]
  Aggregate [session_window#1, k#5] [count(1) AS count(1)#3]
    Session rt#6 gap 5000000us AS session_window#1
      Join Inner ((k#7 = k#5) AND (rt#6 = lt#8))
        Filter is_not_null(lt#8)
          Watermark lt#8 delay 5000000us
            Filter is_not_null(k#7)
              Stream l [lt#8, k#7]
        Filter is_not_null(rt#6)
          Watermark rt#6 delay 5000000us
            Filter is_not_null(k#5)
              Stream r [rt#6, k#5]

-- a filter that is false above a union reads nothing of either
SELECT k FROM (SELECT k, a FROM l UNION ALL SELECT k, b FROM r) WHERE a > 1 AND NULL
=>
Union [k#1]
  Project [k#2]
    Watermark lt#3 delay 5000000us
      Filter false
        Stream l [lt#3, k#2]
  Project [k#4]
    Watermark rt#5 delay 5000000us
      Filter false
        Stream r [rt#5, k#4]

-- IN over a table below the watermark, a semi join with it above
SELECT c.user FROM clicks c LEFT SEMI JOIN users u ON c.user = u.user WHERE n IN (SELECT lim FROM limits)
=>
Join LeftSemi (user#1 = user#2)
  Project [user#1]
    Watermark ts#3 delay 5000000us
      Join LeftSemi (cast(n#4 AS DOUBLE) = lim#5)
        Filter is_not_null(user#1)
          Stream clicks [ts#3, user#1, n#4]
        Table limits [lim#5]
  Filter is_not_null(user#2)
    Table users [user#2]
