-- the hash of a text made from bytes reads the bytes
SELECT hash(CAST(b AS STRING)) AS h FROM raw
=>
Project [hash(b#1) AS h#2]
  Stream raw [b#1]

-- another function of that text is left alone
SELECT upper(CAST(b AS STRING)) AS u FROM raw
=>
Project [upper(cast(b#1 AS STRING)) AS u#2]
  Stream raw [b#1]

-- xxhash64 too, and other arguments stay
SELECT xxhash64(CAST(b AS STRING), 'a', b) AS h FROM raw
=>
Project [xxhash64(b#1, 'a', b#1) AS h#2]
  Stream raw [b#1]

-- a number's text is hashed as text
SELECT hash(CAST(n AS STRING)) AS h FROM clicks
=>
Project [hash(cast(n#1 AS STRING)) AS h#2]
  Watermark ts#3 delay 5000000us
    Stream clicks [ts#3, user#4, v#5, n#1, xs#6, p#7]
