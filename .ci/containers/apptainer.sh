# shellcheck shell=bash disable=SC2154
# Sourced by .ci/container: a real Apptainer, of Debian's unstable release, in a root folder of its
# own; nothing of it is installed on the machine.

readonly SID=$work/sid

# Fails if the unstable release cannot be installed today, which is no fault of ours.
make_apptainer() {
    debian sid apptainer,squashfs-tools,squashfuse,fuse-overlayfs,fuse2fs,uidmap "$SID" || return 1
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
    SID=$SID SHARE=$work/share FUSE=$work/fuse RUN_AS=$1 \
        unshare --mount --propagation private bash -euc '
        shift
        mount --bind "$SID" "$SID"
        mount -t proc proc "$SID/proc"
        mount --rbind /sys "$SID/sys"
        mount --rbind /dev "$SID/dev"
        mount --bind "$SHARE" "$SID$SHARE"
        mount --bind "$FUSE" "$SID/dev/fuse"
        mkdir -p "$SID/old"
        cd "$SID"
        pivot_root . old
        cd /
        umount -l /old
        home=$(getent passwd "$RUN_AS" | cut -d: -f6)
        cd "$home"
        exec env -i HOME="$home" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            setpriv --reuid "$RUN_AS" --regid "$RUN_AS" --clear-groups "$@"' sid "$@"
}

make_sif() {
    docker save sam4ct -o "$work/share/sam4ct.tar"
    in_sid 0 apptainer build "$work/share/sam4ct.sif" "docker-archive:$work/share/sam4ct.tar"
    rm "$work/share/sam4ct.tar"
}

# A user's home is in an Apptainer container, and its environment: neither may change what runs.
runs_as_itself() {
    local site=$SID/home/stranger/.local/lib/python3.11/site-packages
    mkdir -p "$site" && echo 'raise SystemExit("the home is asked")' >"$site/numpy.py"
    in_sid "$STRANGER" env PYTHONPATH=/home/stranger/.local/lib/python3.11/site-packages \
        apptainer run "$work/share/sam4ct.sif" weights list
}

check_apptainer() {
    mkdir -p "$work/share"
    if ! make_apptainer >"$work/sid.log" 2>&1; then
        tail -5 "$work/sid.log"
        echo "SKIPPED: Apptainer could not be installed from Debian's unstable release"
        return
    fi
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
