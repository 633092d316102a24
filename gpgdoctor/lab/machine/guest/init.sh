# In the initial RAM disk: / becomes a tmpfs over the read-only disk, so that a saved machine has no state on disk.
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module"; done
mkdir /below /above /new
tries=0
until mount -t ext4 -o ro /dev/vda /below 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -gt 100 ] && { { ls /dev/vd*; mount -t ext4 -o ro /dev/vda /below; dmesg | tail -n 20; echo "lab: no disk"; } >/dev/console 2>&1; poweroff -f; }
    sleep 0.1
done
mount -t tmpfs -o size=400m,mode=0755 above /above
mkdir /above/upper /above/work
mount -t overlay -o lowerdir=/below,upperdir=/above/upper,workdir=/above/work overlay /new
mount -o move /dev /new/dev
exec switch_root /new /usr/lib/systemd/systemd
