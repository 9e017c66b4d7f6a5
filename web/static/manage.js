// Scroll the horizontal page list on narrow screens to the current page.
document.querySelector(".manage-nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
