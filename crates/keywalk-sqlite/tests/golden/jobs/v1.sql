CREATE TABLE keywalk_jobs (
        name TEXT NOT NULL PRIMARY KEY,
        run INTEGER NOT NULL,
        done INTEGER NOT NULL,
        items INTEGER NOT NULL,
        skipped INTEGER NOT NULL,
        share REAL,
        position TEXT,
        updated INTEGER NOT NULL,
        checkpoint TEXT NOT NULL
    );
CREATE TABLE keywalk_dead_letters (
        job TEXT NOT NULL,
        key TEXT NOT NULL,
        key_bytes BLOB NOT NULL,
        error TEXT NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (job, key_bytes)
    );
INSERT INTO keywalk_jobs VALUES ('by day', 1, 0, 3, 0, NULL, '(''tue'', 5)', 1795985607715, '{"begun":"AQAkFF9edP3OCG_u1obQaB7h6f_mQbasJpg","chunks":1,"first":"AjQkFF9edP3OCG_u1obQaB7hBgcCbW9uABUCBwJ3ZWQAFQYHAm1vbgAVAgcCd2VkABUGp5Ds1ZyINTc","items":3,"job":"by day","position":"(''tue'', 5)","run":1,"share":null,"skipped":0,"started":1795985607714,"token":"ATIkFF9edP3OCG_u1obQaB7hBwJ0dWUAFQUHAndlZAAVBsQcD466u8m9","updated":1795985607715,"checksum":"e11b5566"}');
INSERT INTO keywalk_jobs VALUES ('done', 1, 1, 7, 1, 1.0, '7', 1795985607714, '{"begun":"AQAkFF9edP3OCM-iUW1P0L_BRfLRxzHkr5w","chunks":4,"first":"AjQkFF9edP3OCM-iUW1P0L_BBgIVAQIVBwIVAQIVB_cwMCUCUxJX","items":7,"job":"done","position":"7","run":1,"share":1.0,"skipped":1,"started":1795985607714,"token":"ATYkFF9edP3OCM-iUW1P0L_BAhUHAhUHoBLMZMD8mFI","updated":1795985607714,"checksum":"4d69b8f1"}');
INSERT INTO keywalk_jobs VALUES ('half', 1, 0, 4, 1, 0.5, '4', 1795985607713, '{"begun":"AQAkFF9edP3OCM-iUW1P0L_BRfLRxzHkr5w","chunks":2,"first":"AjQkFF9edP3OCM-iUW1P0L_BBgIVAQIVBwIVAQIVB_cwMCUCUxJX","items":4,"job":"half","position":"4","run":1,"share":0.5,"skipped":1,"started":1795985607713,"token":"ATIkFF9edP3OCM-iUW1P0L_BAhUEAhUH9ofa-jyB6v0","updated":1795985607713,"checksum":"1acc178c"}');
INSERT INTO keywalk_jobs VALUES ('live', 1, 0, 7, 0, NULL, '7', 1795985607715, '{"begun":"AQQkFF9edP3OCM-iUW1P0L_BwtyszJvWnxg","chunks":1,"first":"AhQkFF9edP3OCM-iUW1P0L_BAgIVAQIVAY2fopzDnhOv","items":7,"job":"live","position":"7","run":1,"share":null,"skipped":0,"started":1795985607715,"token":"ARQkFF9edP3OCM-iUW1P0L_BAhUHaas3wj3ttyI","updated":1795985607715,"checksum":"4bd39fb3"}');
INSERT INTO keywalk_dead_letters VALUES ('half', '3', X'1503', 'three', 1795985607713);
INSERT INTO keywalk_dead_letters VALUES ('done', '3', X'1503', 'three', 1795985607714);
