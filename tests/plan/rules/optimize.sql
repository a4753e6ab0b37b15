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
