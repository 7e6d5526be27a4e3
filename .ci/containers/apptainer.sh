# shellcheck shell=bash disable=SC2154
# Sourced by .ci/container: a real Apptainer, of Debian's unstable release, in a root folder of its
# own; nothing of it is installed on the machine.

readonly SID=$work/sid

readonly APPTAINER=apptainer,squashfs-tools,squashfuse,fuse-overlayfs,fuse2fs,uidmap

prepare_apptainer() {
    cp /etc/resolv.conf /etc/hosts "$SID/etc/"
    # Apptainer wants its user in /etc/passwd.
    chroot "$SID" useradd --uid "$STRANGER" --create-home stranger
    mknod "$work/fuse" c 10 229 && chmod 666 "$work/fuse"
}

# in_sid UID COMMAND...: in that root folder, which sees $work/share at the same place. With
# pivot_root in a mount namespace of its own, for Apptainer refuses to work in a plain chroot.
in_sid() {
    mkdir -p "$SID$work/share"
    # shellcheck disable=SC2016  # expanded by the inner shell
    unshare --mount --propagation private bash -euc '
        root=$1 share=$2 fuse=$3 uid=$4
        shift 4
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /sys "$root/sys"
        mount --rbind /dev "$root/dev"
        mount --bind "$share" "$root$share"
        mount --bind "$fuse" "$root/dev/fuse"
        mkdir -p "$root/old"
        cd "$root"
        pivot_root . old
        cd /
        umount -l /old
        home=$(getent passwd "$uid" | cut -d: -f6)
        cd "$home"
        exec env -i HOME="$home" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
    ' in_sid "$SID" "$work/share" "$work/fuse" "$@"
}

make_sif() {
    docker save sam4ct -o "$work/share/sam4ct.tar"
    # Not compressed, for it is thrown away soon.
    in_sid 0 apptainer build --mksquashfs-args "-noI -noD -noF -noX" \
        "$work/share/sam4ct.sif" "docker-archive:$work/share/sam4ct.tar"
    rm "$work/share/sam4ct.tar"
}

# A user's home is in an Apptainer container, and its environment: neither may change what runs.
runs_as_itself() {
    local site=$SID/home/stranger/.local/lib/python3.11/site-packages
    mkdir -p "$site" && echo 'raise SystemExit("the home is asked")' >"$site/numpy.py"
    in_sid "$STRANGER" env PYTHONPATH=/home/stranger/.local/lib/python3.11/site-packages \
        apptainer run "$work/share/sam4ct.sif" weights list &&
        in_sid "$STRANGER" env PYTHONPATH=/home/stranger/.local/lib/python3.11/site-packages \
            apptainer exec "$work/share/sam4ct.sif" sam4ct weights list
}

check_apptainer() {
    mkdir -p "$work/share"
    # The unstable release may not be installable today, which is no fault of ours.
    if ! debian sid "$APPTAINER" "$SID" >"$work/sid.log" 2>&1; then
        tail -5 "$work/sid.log"
        echo "SKIPPED: Apptainer could not be installed from Debian's unstable release"
        return
    fi
    prepare_apptainer
    mv "$work/apptainer" "$work/share/data"
    ok "the image becomes a .sif" make_sif
    ok "neither home nor PYTHONPATH reach into it" runs_as_itself
    ok "Apptainer, another user: the bytes of a run outside" runs_in_apptainer
    ok "a submission's scripts, with Apptainer: the same bytes" \
        run_scripts apptainer in_sid "$STRANGER"
}

runs_in_apptainer() {
    in_sid "$STRANGER" apptainer run --bind "$work/share/data:/data" "$work/share/sam4ct.sif" &&
        same_bytes share/data
}
