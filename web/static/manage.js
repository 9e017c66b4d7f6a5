// Where the list of pages lies above the page and is wider than it, show the part of it where we are.
document.querySelector(".manage-nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
