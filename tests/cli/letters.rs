//! `dead-letter`: keys that are not overwritten, and what was kept, with and without them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use blackbar::seal::{Description, Letterbox};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

use crate::{Folder, run};

#[test]
fn what_was_kept_is_listed_by_anyone_and_shown_with_the_key() {
    let folder = Folder::new();
    let keys = folder.path().join("keys");
    let ran = run(["dead-letter".as_ref(), "keys".as_ref(), "--out".as_ref(), keys.as_os_str()]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let private = keys.join("dead-letter.key");
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run(["dead-letter".as_ref(), "keys".as_ref(), "--out".as_ref(), keys.as_os_str()]);
    assert!(again.code == 2 && again.stderr.contains("is there already"), "{again:?}");

    let public = SubjectPublicKeyInfoDer::from_pem_file(keys.join("dead-letter.pub")).unwrap();
    let directory = folder.path().join("dead");
    let letters = Letterbox::open(&directory, public[12..].try_into().unwrap(), 1 << 20, 10).unwrap();
    for (id, record) in [("a1", "card 4111 1111 1111 1111"), ("b2", "{\"m\":\"jane@example.com\"}\n")] {
        let name = |name: &str| name.to_owned();
        let description =
            Description { id: name(id), time: 7, workspace: name("acme"), route: name("logs"), rule: name("pci.card") };
        letters.put(description, record.as_bytes()).unwrap();
    }
    fs::write(directory.join("empty.sealed"), b"").unwrap();
    let listed = run(["dead-letter".as_ref(), "list".as_ref(), directory.as_os_str()]);
    assert_eq!((listed.code, listed.text()), (0, "a1 7 acme logs pci.card 24\nb2 7 acme logs pci.card 25\n"));
    let show = |more: &[&str]| {
        let mut arguments =
            vec!["dead-letter", "show", "--key", private.to_str().unwrap(), directory.to_str().unwrap()];
        arguments.extend(more);
        run(arguments)
    };
    assert_eq!(show(&[]).text(), "card 4111 1111 1111 1111\n{\"m\":\"jane@example.com\"}\n");
    assert_eq!(show(&["--id", "b2"]).text(), "{\"m\":\"jane@example.com\"}\n");

    let others = folder.path().join("others");
    run(["dead-letter".as_ref(), "keys".as_ref(), "--out".as_ref(), others.as_os_str()]);
    let other = others.join("dead-letter.key");
    let ran = run(["dead-letter", "show", "--key", other.to_str().unwrap(), directory.to_str().unwrap()]);
    assert!(ran.code == 1 && ran.stdout.is_empty() && ran.stderr.contains("a1 does not open"), "{ran:?}");

    fs::remove_file(directory.join("empty.sealed")).unwrap();
    let file = fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let torn = run(["dead-letter".as_ref(), "list".as_ref(), directory.as_os_str()]);
    assert!(
        torn.code == 2 && torn.text().lines().count() == 1 && torn.stderr.contains("ends within an item"),
        "{torn:?}"
    );
}
