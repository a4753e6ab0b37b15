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
