-- keys of an inner join are not null on both sides
SELECT a, b FROM l JOIN r ON l.k = r.k
=>
Project [a#1, b#2]
  Join Inner (k#3 = k#4)
    Filter is_not_null(k#3)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
    Filter is_not_null(k#4)
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a left join filters its right side only
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k
=>
Project [a#1, b#2]
  Join LeftOuter (k#3 = k#4)
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Filter is_not_null(k#4)
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a right join filters its left side only
SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k
=>
Project [a#1, b#2]
  Join RightOuter (k#3 = k#4)
    Filter is_not_null(k#3)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- a full join filters nothing
SELECT a, b FROM l FULL JOIN r ON l.k = r.k
=>
Project [a#1, b#2]
  Join FullOuter (k#3 = k#4)
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- null-safe keys may be null
SELECT a, b FROM l JOIN r ON l.k <=> r.k
=>
Project [a#1, b#2]
  Join Inner (k#3 <=> k#4)
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- what is known of one key is known of the other
SELECT a, b FROM (SELECT * FROM l WHERE k <> 'c') x JOIN r ON x.k = r.k
=>
Project [a#1, b#2]
  Join Inner (k#3 = k#4)
    Project [lt#5, k#3, a#1]
      Filter (k#3 <> 'c')
        Watermark lt#5 delay 5000000us
          Stream l [lt#5, k#3, a#1]
    Filter (k#4 <> 'c')
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- times of a range are not null, above the watermark
SELECT a, b FROM l JOIN r ON l.k = r.k AND rt BETWEEN lt AND lt + INTERVAL 10 SECONDS
=>
Project [a#1, b#2]
  Join Inner ((k#3 = k#4) AND ((rt#5 >= lt#6) AND (rt#5 <= (lt#6 + 10000000us))))
    Filter (is_not_null(k#3) AND is_not_null(lt#6))
      Watermark lt#6 delay 5000000us
        Stream l [lt#6, k#3, a#1]
    Filter (is_not_null(k#4) AND is_not_null(rt#5))
      Watermark rt#5 delay 5000000us
        Stream r [rt#5, k#4, b#2]

-- a function that passes null on tells of its column
SELECT a, b FROM l JOIN r ON upper(l.k) = r.k
=>
Project [a#1, b#2]
  Join Inner (upper(k#3) = k#4)
    Filter is_not_null(k#3)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
    Filter is_not_null(k#4)
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- coalesce tells nothing
SELECT a, b FROM l JOIN r ON coalesce(l.k, 'x') = r.k
=>
Project [a#1, b#2]
  Join Inner (coalesce(k#3, 'x') = k#4)
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Filter is_not_null(k#4)
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- NOT IN is left alone
SELECT v FROM clicks WHERE user NOT IN (SELECT user FROM users)
=>
Project [v#1]
  Join LeftAnti null-aware (user#2 = user#3)
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#2, v#1, n#5, xs#6, p#7]
    Project [user#3]
      Table users [user#3, city#8]
