const facts = await (await fetch("facts")).json();
document.getElementById("version").textContent = `Version ${facts.version}`;
