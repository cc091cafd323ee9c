#!/bin/bash
# Makes three-tier-web.pcapng: a day in the life of three-tier.yaml. Clients on the internet, nginx on the web server,
# an application behind it, PostgreSQL behind that; and things that the topology forbids. Full payloads.
# The router captures three interfaces: the internet side, and the bridges of the app and db subnets with filters
# that keep each packet once.
# Packages: wireshark-common nginx-light postgresql postgresql-client openssl curl iputils-ping
# usage: three-tier-web.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- dumpcap:wireshark-common nginx:nginx-light pg_ctlcluster:postgresql psql:postgresql-client \
    openssl:openssl curl:curl ping:iputils-ping

pg=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)

three_tier

# ---- database ----------------------------------------------------------------------------------
mkdir "$WORK/pg"
chown postgres:postgres "$WORK/pg"
setpriv --reuid=postgres --regid=postgres --init-groups "$pg/initdb" -D "$WORK/pg/data" -U postgres -A trust --no-sync > /dev/null
echo 'host all shop 10.0.0.0/16 scram-sha-256' >> "$WORK/pg/data/pg_hba.conf"
spawn db setpriv --reuid=postgres --regid=postgres --init-groups "$pg/postgres" -D "$WORK/pg/data" \
    -c listen_addresses=10.0.3.30 -c unix_socket_directories="$WORK/pg" -c dynamic_shared_memory_type=mmap \
    -c shared_buffers=16MB -c fsync=off
wait_port db 10.0.3.30 5432
inside db psql -q -h "$WORK/pg" -U postgres << 'SQL'
create role shop login password 'correct horse';
create database shop owner shop;
\c shop
create table item (id int primary key, name text not null, price numeric(8, 2) not null);
insert into item select n, 'item ' || n, n * 1.25 from generate_series(1, 400) n;
create table visit (at timestamptz default now(), item int references item);
grant all on item, visit to shop;
SQL

# ---- application: an HTTP server that asks the database, one psql for each request ---------------
cat > "$WORK/app.py" << 'PY'
import json, os, subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENVIRONMENT = dict(os.environ, PGPASSWORD="correct horse", PGCONNECT_TIMEOUT="5", PGSSLMODE="disable")

def query(sql):
    done = subprocess.run(
        ["psql", "-qAt", "-h", "10.0.3.30", "-U", "shop", "-d", "shop", "-c", sql],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=10, check=True)
    return [line.split("|") for line in done.stdout.splitlines()]

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        part = self.path.strip("/").split("/")
        if part[0] == "item" and len(part) == 2 and part[1].isdigit():
            rows = query(f"insert into visit (item) values ({part[1]}); select id, name, price from item where id = {part[1]}")
        elif part[0] == "list":
            rows = query("select id, name, price from item order by id limit 100")
        else:
            self.answer(404, {"error": "no such page"})
            return
        self.answer(200, rows)

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("10.0.2.20", 8080), Handler).serve_forever()
PY
spawn app python3 "$WORK/app.py"

# ---- web server ----------------------------------------------------------------------------------
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=shop.example -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2> /dev/null
mkdir "$WORK/www"
head -c 30000 /dev/zero | tr '\0' 'x' > "$WORK/www/picture"
cat > "$WORK/nginx.conf" << CONF
worker_processes 1;
daemon off;
pid $WORK/nginx.pid;
error_log $WORK/nginx-error.log;
user root;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $WORK/t1; proxy_temp_path $WORK/t2; fastcgi_temp_path $WORK/t3; uwsgi_temp_path $WORK/t4; scgi_temp_path $WORK/t5;
    upstream application { server 10.0.2.20:8080; keepalive 4; }
    server {
        listen 10.0.1.10:80;
        listen 10.0.1.10:443 ssl;
        ssl_certificate $WORK/cert.pem;
        ssl_certificate_key $WORK/key.pem;
        root $WORK/www;
        location /picture { }
        location / { proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
}
CONF
spawn web nginx -e "$WORK/nginx-start.log" -c "$WORK/nginx.conf"
# Something that should not be reachable from outside listens on 8080 of the web server and 22 of the database.
spawn web python3 -m http.server --bind 10.0.1.10 --directory "$WORK/www" 8080
spawn db python3 -m http.server --bind 10.0.3.30 --directory "$WORK/www" 22
# Mirrors on the internet that the tiers may want to fetch from.
spawn inet python3 -m http.server --bind 198.51.100.90 --directory "$WORK/www" 80
spawn inet python3 -m http.server --bind 198.51.100.90 --directory "$WORK/www" 443
wait_port web 10.0.1.10 80
wait_port web 10.0.1.10 8080
wait_port app 10.0.2.20 8080
wait_port db 10.0.3.30 22
wait_port inet 198.51.100.90 80
wait_port inet 198.51.100.90 443

# ---- capture and traffic -------------------------------------------------------------------------
capture_ng rtr "$WORK/web.pcapng" \
    -i ext \
    -i br-app -f 'host 10.0.1.10' \
    -i br-db -f 'net 10.0.0.0/16'

fetch() { inside inet curl -sk --max-time 10 --interface "$@" > /dev/null || true; }

# Customers: 30 addresses, one page each over HTTP; every third over HTTPS as well; some fetch a picture.
for i in {10..39}; do
    fetch "198.51.100.$i" "http://10.0.1.10/item/$i" &
    if (( i % 3 == 0 )); then fetch "198.51.100.$i" "https://10.0.1.10/item/$((i * 2))" & fi
    if (( i % 6 == 0 )); then fetch "198.51.100.$i" http://10.0.1.10/picture "http://10.0.1.10/list" & fi
    (( i % 5 )) || settle
done
settle
# The office: pages, a missing page, a ping.
fetch 203.0.113.10 http://10.0.1.10/list http://10.0.1.10/nothing http://10.0.1.10/item/7
inside inet ping -q -c 3 -i 0.2 -I 203.0.113.10 10.0.1.10 > /dev/null

# What the topology forbids (the namespaces here let it through).
for i in 40 41 42; do fetch "198.51.100.$i" http://10.0.1.10:8080/picture; done          # the web server's 8080
fetch 198.51.100.66 http://10.0.1.10/item/1                                               # the abusive host
inside inet ping -q -c 3 -i 0.2 -I 198.51.100.43 10.0.1.10 > /dev/null                    # a ping from outside the office
fetch 198.51.100.44 http://10.0.2.20:8080/item/2                                          # the application, which has no public address
fetch 198.51.100.45 telnet://10.0.3.30:5432 < /dev/null                                   # the database, likewise
PGPASSWORD='correct horse' PGSSLMODE=disable inside web psql -qAt -h 10.0.3.30 -U shop -d shop -c 'select count(*) from item' > /dev/null  # web past the application
inside web curl -s -o /dev/null --max-time 5 http://198.51.100.90/picture || true         # web to a mirror on 80; only 443 may leave
inside web curl -s -o /dev/null --max-time 5 http://198.51.100.90:443/picture || true     # ... which is allowed
inside app curl -s -o /dev/null --max-time 5 http://198.51.100.90:443/picture || true     # the application: allowed by its group, but there is no route
inside app curl -s -o /dev/null --max-time 5 http://198.51.100.90/picture || true         # ... and on 80 not even by the group
inside app curl -s -o /dev/null --max-time 5 http://10.0.3.30:22/picture || true          # another port of the database
inside app ping -q -c 2 -i 0.2 10.0.3.30 > /dev/null || true                              # a ping that the database's subnet refuses
inside db curl -s -o /dev/null --max-time 5 http://10.0.2.20:8080/item/3 || true          # the database calling back
end_capture

anonymous "$WORK/web.pcapng"
finish "$WORK/web.pcapng" three-tier-web.pcapng
