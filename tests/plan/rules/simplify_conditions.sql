-- true AND x is x
SELECT user FROM clicks WHERE true AND v > 1
=>
Project [user#1]
  Filter (v#2 > 1.0)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#2, n#4, xs#5, p#6]

-- a filter that keeps all is gone
SELECT user FROM clicks WHERE true
=>
Project [user#1]
  Watermark ts#2 delay 5000000us
    Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- x OR true is true
SELECT user FROM clicks WHERE v > 1 OR NOT false
=>
Project [user#1]
  Watermark ts#2 delay 5000000us
    Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- false stays
SELECT user FROM clicks WHERE v > 1 AND false
=>
Project [user#1]
  Filter false
    Watermark ts#2 delay 5000000us
      Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- branches that say the same need no test
SELECT user FROM clicks WHERE if(ts IS NULL, n > 1, n > 1) AND CASE WHEN v > 1 THEN true ELSE true END
=>
Project [user#1]
  Filter (n#2 > 1)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]

-- NULL keeps no row, so it is false
SELECT user FROM clicks WHERE n > 1 AND CASE WHEN ts > TIMESTAMP'2024-01-01' THEN NULL WHEN v > 1 THEN false END
=>
Project [user#1]
  Filter false
    Watermark ts#2 delay 5000000us
      Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- conditions without columns are worked out
SELECT user FROM clicks WHERE n > 1 OR coalesce(NULL, 1 > 2, n > 3) OR 'a' NOT LIKE 'b' OR (1 < 2 AND NOT 'a' = 'a')
=>
Project [user#1]
  Filter (((n#2 > 1) OR coalesce(NULL, false, (n#2 > 3))) OR not(like('a', 'b')))
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]

-- x AND true, x OR false and false OR x are x
SELECT user FROM clicks WHERE ((v > 1 AND 1 = 1) OR 1 = 2) AND (2 = 1 OR n > 1)
=>
Project [user#1]
  Filter ((v#2 > 1.0) AND (n#3 > 1))
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#1, v#2, n#3, xs#5, p#6]

-- false AND x is false, true OR x is true
SELECT user FROM clicks WHERE (1 > 2 AND v > 1) OR (1 < 2 OR n > 1) AND n > 2
=>
Project [user#1]
  Filter (n#2 > 2)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]

-- IF of a constant takes its branch, of NULL the other
SELECT user FROM clicks WHERE if(true, n > 1, v > 1) AND if(NULL, v > 2, n > 2)
=>
Project [user#1]
  Filter ((n#2 > 1) AND (n#2 > 2))
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]

-- CASE without the branches that are never taken
SELECT user FROM clicks WHERE CASE WHEN false THEN v > 1 WHEN n > 1 THEN v > 2 ELSE v > 3 END
=>
Project [user#1]
  Filter CASE WHEN (n#2 > 1) THEN (v#3 > 2.0) ELSE (v#3 > 3.0) END
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#1, v#3, n#2, xs#5, p#6]

-- CASE whose branches are never taken is its ELSE
SELECT CASE WHEN 1 > 2 THEN n WHEN NULL THEN 2 ELSE n + 1 END AS c FROM clicks
=>
Project [(n#1 + 1) AS c#2]
  Watermark ts#3 delay 5000000us
    Stream clicks [ts#3, user#4, v#5, n#1, xs#6, p#7]

-- and without ELSE it is NULL
SELECT CASE WHEN 1 > 2 THEN n END AS c FROM clicks
=>
Project [NULL AS c#1]
  Watermark ts#2 delay 5000000us
    Stream clicks [ts#2, user#3, v#4, n#5, xs#6, p#7]

-- CASE whose first branch is always taken is that branch
SELECT CASE WHEN 1 < 2 THEN n ELSE v END AS c FROM clicks
=>
Project [cast(n#1 AS DOUBLE) AS c#2]
  Watermark ts#3 delay 5000000us
    Stream clicks [ts#3, user#4, v#5, n#1, xs#6, p#7]

-- NULL in ON joins nothing
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k AND if(a > 1, NULL, b > 1)
=>
Project [a#1, b#2]
  Join LeftOuter ((k#3 = k#4) AND if((a#1 > 1), false, (b#2 > 1)))
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- NOT IN keeps the NULL it hangs on
SELECT user FROM clicks WHERE user NOT IN (SELECT user FROM users)
=>
Project [user#1]
  Join LeftAnti null-aware (user#1 = user#2)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]
    Project [user#2]
      Table users [user#2, city#8]

-- NULL in a projection stays NULL
SELECT if(n > 1, NULL, true) AS c, n > 1 AND NULL AS d FROM clicks
=>
Project [if((n#1 > 1), NULL, true) AS c#2, ((n#1 > 1) AND NULL) AS d#3]
  Watermark ts#4 delay 5000000us
    Stream clicks [ts#4, user#5, v#6, n#1, xs#7, p#8]
