-- Gives pandoc what the documents use of Quarto: callouts, tabsets, numbered sections, figures,
-- tables and equations, and references to them. Complaints go to stderr as
-- "crossrefs: key|message" (or without a key) and Python names the source line.

local stringify = pandoc.utils.stringify
local NBSP = "\u{a0}"
local KINDS = { fig = "Figure", tbl = "Table", eq = "Equation", sec = "Section" }
local CALLOUTS = {
  note = "Note", tip = "Tip", warning = "Warning", caution = "Caution", important = "Important",
}
-- Quarto gives these a meaning; here they would silently come out as plain text.
local UNSUPPORTED_CLASS = {
  "^column%-", "^aside$", "^margin%-", "^content%-visible$", "^content%-hidden$", "^panel%-",
  "^code%-annot", "^columns$", "^column$", "^theorem$", "^proof$", "^hidden$", "^lightbox$",
}
local UNSUPPORTED_ATTRIBUTE = {
  "layout", "layout-nrow", "layout-valign", "fig-align", "fig-pos", "filename",
  "code-line-numbers", "lst-cap", "tbl-colwidths", "lightbox", "data-latex",
}
local UNSUPPORTED_ID = {
  "lst", "thm", "lem", "cor", "prp", "cnj", "def", "exm", "exr", "sol", "rem", "alg", "nte",
  "tip", "wrn", "imp", "cau",
}

local complaints = {}
local entries = {}
local counts = { fig = 0, tbl = 0, eq = 0 }

local function complain(message, key)
  table.insert(complaints, "crossrefs: " .. (key and (key .. "|") or "") .. message)
end

local function escape(text)
  local marks = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
  return (text:gsub('[&<>"]', marks))
end

local function html(text)
  return pandoc.RawBlock("html", text)
end

local function kind_of(id)
  return id:match("^(%a+)%-")
end

local function last(list)
  return list[#list]
end

-- 1. Refuse what is not supported --------------------------------------------------------------

local function check(el)
  for _, class in ipairs(el.classes) do
    for _, pattern in ipairs(UNSUPPORTED_CLASS) do
      if class:match(pattern) and class ~= "panel-tabset" then
        complain("'." .. class .. "' is not supported by the embedded renderer")
      end
    end
  end
  for _, name in ipairs(UNSUPPORTED_ATTRIBUTE) do
    if el.attributes[name] then
      complain("attribute '" .. name .. "' is not supported by the embedded renderer")
    end
  end
  for _, kind in ipairs(UNSUPPORTED_ID) do
    if kind_of(el.identifier) == kind then
      complain("'#" .. el.identifier .. "': '" .. kind .. "-' references are not supported")
    end
  end
end

-- 2. Callouts and tabsets: their headings become titles before headings are numbered ------------

local function callout(el)
  local kind
  for _, class in ipairs(el.classes) do
    kind = kind or class:match("^callout%-(%a+)$")
  end
  if not kind then return nil end
  if not CALLOUTS[kind] then
    complain("'.callout-" .. kind .. "' is not a kind of callout")
    return nil
  end
  local content = el.content
  local title = pandoc.Inlines(CALLOUTS[kind])
  if el.attributes.title then
    title = pandoc.utils.blocks_to_inlines(pandoc.read(el.attributes.title, "markdown").blocks)
  elseif content[1] and content[1].t == "Header" then
    title = content[1].content
    content:remove(1)
  end
  local collapse = el.attributes.collapse
  local id = el.identifier ~= "" and (' id="' .. escape(el.identifier) .. '"') or ""
  local class = ' class="callout callout-' .. kind .. '"'
  local blocks = pandoc.Blocks({})
  if collapse then
    local open = collapse == "false" and " open" or ""
    blocks:insert(html("<details" .. id .. class .. open .. "><summary>"))
    blocks:insert(pandoc.Plain(title))
    blocks:insert(html('</summary><div class="callout-body">'))
    blocks:extend(content)
    blocks:insert(html("</div></details>"))
  else
    blocks:insert(html('<div role="note"' .. id .. class .. '><p class="callout-title">'))
    blocks:insert(pandoc.Plain(title))
    blocks:insert(html('</p><div class="callout-body">'))
    blocks:extend(content)
    blocks:insert(html("</div></div>"))
  end
  return blocks
end

local function tabset(el)
  if not el.classes:includes("panel-tabset") then return nil end
  local level
  for _, block in ipairs(el.content) do
    if block.t == "Header" then level = level or block.level end
  end
  if not level or el.content[1].t ~= "Header" then
    complain("a '.panel-tabset' must begin with a heading, one for each tab")
    return nil
  end
  local group = el.attributes.group
  local blocks = pandoc.Blocks({
    html('<div class="tabset"' .. (group and (' data-group="' .. escape(group) .. '"') or "") .. ">"),
  })
  local open = false
  for _, block in ipairs(el.content) do
    if block.t == "Header" and block.level == level then
      if open then blocks:insert(html("</section>")) end
      open = true
      blocks:insert(html('<section class="tab-pane" id="' .. escape(block.identifier) .. '">'
        .. '<p class="tab-title">'))
      blocks:insert(pandoc.Plain(block.content))
      blocks:insert(html("</p>"))
    else
      blocks:insert(block)
    end
  end
  blocks:insert(html("</section></div>"))
  return blocks
end

local structure = {
  Div = function(el)
    check(el)
    return callout(el) or tabset(el)
  end,
  Span = check,
  CodeBlock = check,
  Header = check,
}

-- 3. Number sections, figures, tables and equations in the order of the text --------------------

local section = {}
local base_level = nil
local number_sections = false

local function add_entry(id, kind, number)
  if entries[id] then complain("'#" .. id .. "' is used twice", id) end
  entries[id] = { kind = kind, number = number }
end

-- "::: {layout-ncol=2}": the blocks inside stand side by side where there is room.
local function in_columns(content, attributes)
  local columns = attributes["layout-ncol"]
  if not columns then return content end
  if not columns:match("^[1-9]$") then complain("layout-ncol must be a number from 1 to 9") end
  local style = { style = "--columns: " .. columns }
  return pandoc.Blocks({ pandoc.Div(content, pandoc.Attr("", { "layout" }, style)) })
end

local function number_for(id)
  local kind = kind_of(id)
  counts[kind] = counts[kind] + 1
  add_entry(id, kind, tostring(counts[kind]))
  return entries[id].number
end

local function header(el)
  local labelled = kind_of(el.identifier) == "sec"
  if el.classes:includes("unnumbered") or not number_sections then
    if labelled then add_entry(el.identifier, "sec", nil) end
    return nil
  end
  local depth = el.level - base_level + 1
  for level = depth + 1, #section do section[level] = 0 end
  for level = 1, depth do section[level] = section[level] or 0 end
  section[depth] = section[depth] + 1
  local parts = {}
  for level = 1, depth do parts[level] = tostring(section[level]) end
  local number = table.concat(parts, ".")
  if labelled then add_entry(el.identifier, "sec", number) end
  el.content:insert(1, pandoc.Space())
  el.content:insert(1, pandoc.Span(number, pandoc.Attr("", { "header-section-number" })))
  return el
end

-- A figure or table with its caption; label is what stands before the caption's words.
local function captioned(id, kind, label, caption, content)
  local words = pandoc.Inlines({})
  if label then
    words:insert(pandoc.Str(label))
    if #caption > 0 then words:insert(pandoc.Space()) end
  end
  words:extend(caption)
  local name = id ~= "" and (' id="' .. escape(id) .. '"') or ""
  local class = kind == "tbl" and "table-float" or "figure-float"
  local blocks = pandoc.Blocks({ html("<figure" .. name .. ' class="float ' .. class .. '">') })
  local line = pandoc.Blocks({ html("<figcaption>"), pandoc.Plain(words), html("</figcaption>") })
  if kind == "tbl" then blocks:extend(line) end
  blocks:extend(content)
  if kind ~= "tbl" then blocks:extend(line) end
  blocks:insert(html("</figure>"))
  return blocks
end

local function float(id, kind, caption, content)
  local label
  if id ~= "" then
    label = KINDS[kind] .. NBSP .. number_for(id) .. (#caption > 0 and ":" or "")
  end
  return captioned(id, kind, label, caption, content)
end

-- Without this the topdown walk would number what stands inside a float a second time.
local STOP = false

local function take_label(inlines, kind)
  -- "caption {#tbl-x}": the label is the end of the caption's text.
  local tail = last(inlines)
  local id = tail and tail.t == "Str" and tail.text:match("^{#(" .. kind .. "%-[^ }]+)}$")
  if not id then return "" end
  inlines:remove(#inlines)
  if #inlines > 0 and last(inlines).t:match("Space") or (#inlines > 0 and last(inlines).t == "SoftBreak") then
    inlines:remove(#inlines)
  end
  return id
end

-- What scrolls can be reached without a mouse.
local function scroll(block)
  return pandoc.Div({ block }, pandoc.Attr("", { "scroll" }, { tabindex = "0" }))
end

local function plain_table(el)
  local caption = pandoc.utils.blocks_to_inlines(el.caption.long)
  local id = kind_of(el.identifier) == "tbl" and el.identifier or take_label(caption, "tbl")
  if id == "" and #caption == 0 then return scroll(el), STOP end
  el.identifier = ""
  el.caption = { long = {}, short = nil }
  return float(id, "tbl", caption, { scroll(el) }), STOP
end

local function figure(el)
  local caption = pandoc.utils.blocks_to_inlines(el.caption.long)
  local id = kind_of(el.identifier) == "fig" and el.identifier or ""
  return float(id, "fig", caption, el.content), STOP
end

local function is_float(el)
  local kind = kind_of(el.identifier)
  return el.classes:includes("cell-float") or kind == "fig" or kind == "tbl"
end

local function take_caption(el)
  local caption = last(el.content)
  if #el.content < 2 or caption.t ~= "Para" then
    local name = "'#" .. el.identifier .. "'"
    complain("the last paragraph inside " .. name .. " must be its caption", el.identifier)
    return nil
  end
  el.content:remove(#el.content)
  return caption.content
end

-- What stands inside a float: parts with a label of their own become (a), (b), ...
local function parts_of(content, parent)
  local n_parts = 0
  local function part(id, kind, caption, inner)
    if id == "" or parent == "" then return captioned("", kind, nil, caption, inner), STOP end
    n_parts = n_parts + 1
    local letter = string.char(96 + n_parts)
    add_entry(id, kind, entries[parent].number .. " (" .. letter .. ")")
    entries[id].kind = entries[parent].kind
    return captioned(id, kind, "(" .. letter .. ")", caption, inner), STOP
  end
  return content:walk({
    traverse = "topdown",
    Div = function(el)
      if not is_float(el) then
        if not el.attributes["layout-ncol"] then return nil end
        return pandoc.Div(in_columns(el.content, el.attributes))
      end
      local caption = take_caption(el)
      if caption then
        local kind = el.attributes.kind or kind_of(el.identifier)
        return part(el.identifier, kind, caption, el.content)
      end
    end,
    Figure = function(el)
      local caption = pandoc.utils.blocks_to_inlines(el.caption.long)
      if #caption == 0 and el.identifier == "" then return el.content, STOP end
      return part(el.identifier, "fig", caption, el.content)
    end,
    Table = function(el) return scroll(el), STOP end,
  })
end

local function float_div(el)
  if not is_float(el) then
    if not el.attributes["layout-ncol"] then return nil end
    return in_columns(el.content, el.attributes)
  end
  local caption = take_caption(el)
  if not caption then return nil end
  local id = el.identifier
  local kind = el.attributes.kind or kind_of(id)
  local label
  if id ~= "" then label = KINDS[kind] .. NBSP .. number_for(id) .. ":" end
  local content = in_columns(parts_of(el.content, id), el.attributes)
  return captioned(id, kind, label, caption, content), STOP
end

local function equations(inlines)
  local out = pandoc.Inlines({})
  local position = 1
  local changed = false
  while position <= #inlines do
    local el = inlines[position]
    local step = 1
    if el.t == "Math" and el.mathtype == "DisplayMath" then
      local ahead = position + 1
      while inlines[ahead] and (inlines[ahead].t == "Space" or inlines[ahead].t == "SoftBreak") do
        ahead = ahead + 1
      end
      local tag = inlines[ahead]
      local id, rest
      if tag and tag.t == "Str" then id, rest = tag.text:match("^{#(eq%-[^ }]+)}(.*)$") end
      if id then
        changed = true
        local number = pandoc.Span("(" .. number_for(id) .. ")", pandoc.Attr("", { "eq-number" }))
        out:insert(pandoc.Span({ el, number }, pandoc.Attr(id, { "equation" })))
        if rest ~= "" then out:insert(pandoc.Str(rest)) end
        step = ahead - position + 1
      else
        out:insert(el)
      end
    else
      out:insert(el)
    end
    position = position + step
  end
  if changed then return out end
end

local numbering = {
  traverse = "topdown",
  Header = header,
  Div = float_div,
  Figure = figure,
  Table = plain_table,
  Inlines = equations,
}

-- 4. References ---------------------------------------------------------------------------------

local other_citations = false

local function lowered(id)
  return id:sub(1, 1):lower() .. id:sub(2)
end

local function reference(citation)
  local id = lowered(citation.id)
  local entry = entries[id]
  if not entry then
    complain("unresolved cross-reference '@" .. citation.id .. "'", citation.id)
    return pandoc.Str("?@" .. id)
  end
  if not entry.number then
    complain("'@" .. id .. "' refers to a heading without a number; set 'number-sections: true'", id)
    return pandoc.Str("?@" .. id)
  end
  local text = pandoc.Inlines({})
  if #citation.prefix > 0 then
    text:extend(citation.prefix)
    text:insert(pandoc.Str(NBSP))
  elseif citation.mode ~= "SuppressAuthor" then
    text:insert(pandoc.Str(KINDS[entry.kind] .. NBSP))
  end
  text:insert(pandoc.Str(entry.number))
  if #citation.suffix > 0 then
    complain("text after '@" .. id .. "' inside its brackets is not supported", id)
  end
  return pandoc.Link(text, "#" .. id, "", pandoc.Attr("", { "quarto-xref" }))
end

local references = {
  Cite = function(el)
    local out = pandoc.Inlines({})
    local ours = 0
    for index, citation in ipairs(el.citations) do
      local kind = kind_of(lowered(citation.id))
      if KINDS[kind] then
        ours = ours + 1
        if index > 1 then out:extend({ pandoc.Str(","), pandoc.Space() }) end
        out:insert(reference(citation))
      end
    end
    if ours == 0 then
      other_citations = true
      return nil
    end
    if ours < #el.citations then
      complain("cross-references and citations cannot share one bracket", el.citations[1].id)
    end
    return out
  end,
  Image = function(el)
    if el.src:match("^data:") then return nil end
    if el.src:match("^%a[%w+.-]*:") or el.src:match("^//") then
      complain("image '" .. el.src .. "' would be loaded from outside; save it next to the document")
      return nil
    end
    local ok, mime, bytes = pcall(pandoc.mediabag.fetch, el.src)
    if not ok or not bytes then
      complain("image '" .. el.src .. "' not found")
      return nil
    end
    el.src = pandoc.mediabag.make_data_uri(mime or "application/octet-stream", bytes)
    return el
  end,
}

-- Marks that should have been understood and are still text: better no page than a wrong one.
local function complain_of_leftovers(doc)
  doc:walk({
    Str = function(el)
      local label = el.text:match("^{#(%a+%-[^ }]+)}")
      if label and KINDS[kind_of(label)] then
        complain("label '{#" .. label .. "}' stands where it names nothing")
      end
      if el.text:match("^:::+") then complain("'" .. el.text .. "' opens or closes no block") end
    end,
  })
end

local function with_reference_list(doc)
  local placed = false
  doc:walk({ Div = function(el) placed = placed or el.identifier == "refs" end })
  if other_citations and not placed then
    local title = pandoc.Header(base_level or 2, "References", pandoc.Attr("references", { "unnumbered" }))
    doc.blocks:extend({ title, pandoc.Div({}, pandoc.Attr("refs")) })
  end
  return doc
end

function Pandoc(doc)
  number_sections = doc.meta["number-all-sections"] == true
  doc.meta["number-all-sections"] = nil
  -- Titles may hold emphasis, but these two stand where only plain text can.
  for _, name in ipairs({ "pagetitle", "description" }) do
    if doc.meta[name] then doc.meta[name] = stringify(doc.meta[name]) end
  end
  doc = doc:walk(structure)
  doc:walk({ Header = function(el) base_level = math.min(base_level or el.level, el.level) end })
  doc = doc:walk(numbering)
  doc = doc:walk(references)
  complain_of_leftovers(doc)
  doc = with_reference_list(doc)
  for _, complaint in ipairs(complaints) do io.stderr:write(complaint .. "\n") end
  if #complaints > 0 then os.exit(3) end
  return doc
end
