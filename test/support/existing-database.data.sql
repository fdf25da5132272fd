-- What the operator has in it. The same text for every database: contact n has the id n.
insert into users (id, email, password_hash) values (1, 'admin@example.org', 'x'), (2, 'office@example.org', 'x');
insert into contacts (id, phone_number, country_code, full_number, first_name, last_name, whatsapp_verified, created_by) values
  (1, '0196121001', '229', '+2290196121001', 'Afi', 'Mensah', true, 1),
  (2, '0196121002', '229', '+2290196121002', 'Bio', 'Sanni', true, null),
  (3, '0196121003', '229', '2290196121003', 'Chantal', null, null, 1),
  (4, '0196121004', '229', '+2290196121004', 'Dieudonné', 'd''Almeida', true, null),
  (5, '0196121005', '229', '+2290196121005', 'Estelle', 'Hounkpatin', false, 1),
  (6, '0196121006', '229', '2290196121006', 'Fifamè', 'Zinsou', true, null),
  (7, '0196070000', '229', '+2290196070000', 'Gildas', 'Ahouansou', true, 1),
  (8, '0196121008', '229', '+2290196121008', 'Hervé', 'Kpodo', true, null),
  (9, '0196121009', '229', '2290196121009', 'Inès', 'Dossou', true, 1),
  (10, '0196121010', '229', '+2290196121010', 'Justin', 'Tossou', true, null),
  (11, '0196121011', '229', '+2290196121011', 'Kossi', 'Agbo', true, 1),
  (12, '0196121012', '229', '2290196121012', 'Léa', 'Biaou', true, null),
  (13, '0196121013', '229', '+2290196121013', 'Mariam', 'Orou', true, 1),
  (14, '0196121014', '229', '+2290196121014', 'Nadège', 'Soglo', false, null),
  (15, '0196121015', '229', '2290196121015', 'Ousmane', 'Bah', true, 1),
  (16, '0196121016', '229', '+2290196121016', 'Pélagie', 'O''Brien', null, null),
  (17, '0196121017', '229', '+2290196121017', 'Quentin', 'Houngbédji', true, 1),
  (18, '0196121018', '229', '2290196121018', 'Reine', 'Adjovi', true, null),
  (19, '0196121019', '229', '+2290196121019', 'Sènan', 'Gbaguidi', true, 1),
  (20, '0196200000', '229', '+2290196200000', 'Thérèse', 'Akpovi', true, null),
  (21, '0196121021', '229', '2290196121021', 'Ulrich', 'Lokossou', true, 1),
  (22, '0196121022', '229', '+2290196121022', 'Victoire', 'Chabi', false, null),
  (23, '0196121023', '229', '+2290196121023', 'Wilfried', 'Yovo', true, 1),
  (24, '0196121024', '229', '2290196121024', 'Ximène', 'Padonou', true, null),
  (25, '0196121025', '229', '+2290196121025', 'Yasmine', 'Moussa', null, 1),
  (26, '0196260000', '229', '+2290196260000', 'Zacharie', 'Nouatin', true, null),
  (27, '0196121027', '229', '2290196121027', 'Adama', 'Traoré 🌍', false, 1),
  (28, '0196121028', '229', '+2290196121028', 'Bénédicte', 'Quenum', true, null),
  (29, '0196121029', '229', '+2290196121029', 'Cyrille', 'Fagla', true, 1),
  (30, '0196121030', '229', '2290196121030', 'Diane', 'Houéto', true, null);
insert into categories (id, name, created_by) values (1, 'Parents', 1), (2, 'Volunteers', 1), (3, 'Suppliers', 2);
insert into category_contacts (category_id, contact_id) values
  (1, 18), (1, 17), (1, 16), (1, 15), (1, 14), (1, 13), (1, 12), (1, 11), (1, 10), (1, 9), (1, 8), (1, 7), (1, 6), (1, 5), (1, 4), (1, 3), (1, 2), (1, 1),
  (2, 12), (2, 13), (2, 14), (2, 15), (2, 16), (2, 17), (2, 18), (2, 19), (2, 20), (2, 21), (2, 22), (2, 23), (2, 24), (2, 25), (2, 26), (2, 27), (2, 28),
  (3, 1), (3, 29), (3, 30);
insert into campaigns (id, name, message_1, message_2, status, total_recipients, sent_count, success_count, failed_count, created_by, created_at) values
  (41, 'Summer fair', 'The fair is on Saturday.', null, 'completed', 2, 1, 1, 1, 1, '2026-06-01 09:00:00'),
  (42, 'Back to school', 'Hello {{first_name}}, school starts on Monday at eight.', null, 'draft', 0, 0, 0, 0, 1, '2026-08-20 16:45:12'),
  (43, 'Thanks', 'Hello {{first_name}}, may we write to you about the garden?', 'Thank you {{first_name}}!', 'draft', 0, 0, 0, 0, null, '2026-08-21 10:00:00');
insert into campaign_categories (campaign_id, category_id) values (41, 3), (42, 1), (42, 2), (43, 3);
insert into messages (id, campaign_id, contact_id, message_type, content, status, whatsapp_message_id, error_message, retry_count, sent_at) values
  (1001, 41, 29, 'message_1', 'The fair is on Saturday.', 'read', 'wamid.1', null, 1, '2026-06-01 09:00:03'),
  (1002, 41, 30, 'message_1', 'The fair is on Saturday.', 'failed', null, 'phone:invalid: not on WhatsApp', 3, null);
